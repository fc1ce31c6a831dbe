# textrel_library.s - an absolute address in text: DT_TEXTREL. MatR leaves such an object to ld.so.
	.text
	.globl textrel_value
	.type textrel_value, @function
textrel_value:
	movabsq $textrel_data, %rax
	movl (%rax), %eax
	ret
	.size textrel_value, . - textrel_value
	.data
	.globl textrel_data
	.type textrel_data, @object
textrel_data:
	.long 77
	.size textrel_data, 4
	.section .note.GNU-stack,"",@progbits
