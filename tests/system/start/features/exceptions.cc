// exceptions.cc - C++ across libraries: exceptions, dynamic_cast, type_info, virtual calls,
// iostreams, locales, exceptions carried from thread to thread.
#include "exceptions.h"

#include <exception>
#include <iostream>
#include <locale>
#include <sstream>
#include <thread>
#include <typeinfo>

static int catch_it(int depth)
{
	try {
		throw_derived(depth);
	} catch (const Base &base) {
		auto *derived = dynamic_cast<const Derived *>(&base);
		std::cout << "caught " << base.number() << ' ' << (derived ? derived->what() : "?")
			  << ' ' << (typeid(base) == typeid(Derived)) << '\n';
		return base.number();
	}
	return 0;
}

int main()
{
	int sum = catch_it(0) + catch_it(20);
	std::exception_ptr carried;
	std::thread thread([&] {
		try {
			throw_derived(3);
		} catch (...) {
			carried = std::current_exception();
		}
	});
	thread.join();
	try {
		std::rethrow_exception(carried);
	} catch (const std::runtime_error &error) {
		std::cout << "carried: " << error.what() << '\n';
	}
	auto made = make_derived();
	std::cout << typeid(*made).name() << ' ' << made->number() << '\n';
	std::ostringstream stream;
	stream.imbue(std::locale::classic());
	stream << std::hex << 255 << ' ' << 1.5;
	std::cout << stream.str() << std::endl;
	try {
		(void)std::stoi("no number");
	} catch (const std::invalid_argument &error) {
		std::cout << "libstdc++: " << error.what() << '\n';
	}
	return sum;
}
