// exceptions.h - what the program and the library of the exception test share.
#pragma once
#include <memory>
#include <stdexcept>
#include <string>

struct Base {
	virtual ~Base();
	virtual int number() const;
};

struct Derived : Base, std::runtime_error {
	explicit Derived(std::string text);
	int number() const override;
};

void throw_derived(int depth);
std::unique_ptr<Base> make_derived();
