// unique.h - a static variable in a template: STB_GNU_UNIQUE, one in the process whatever loads it.
#pragma once
template <typename T> struct Unique {
	static int counter;
	static int *next()
	{
		static int calls;
		calls++;
		counter += calls;
		return &counter;
	}
};
template <typename T> int Unique<T>::counter = 100;
