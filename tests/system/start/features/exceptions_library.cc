// exceptions_library.cc - throws what the program catches: type_info, vtables, unwinding across
// libraries.
#include "exceptions.h"

Base::~Base() = default;
int Base::number() const
{
	return 1;
}
Derived::Derived(std::string text) : std::runtime_error(std::move(text))
{
}
int Derived::number() const
{
	return 2;
}

void throw_derived(int depth)
{
	std::string guard(static_cast<size_t>(depth), 'x');
	if (depth == 0)
		throw Derived("from the library");
	throw_derived(depth - 1);
}

std::unique_ptr<Base> make_derived()
{
	return std::make_unique<Derived>("made in the library");
}
