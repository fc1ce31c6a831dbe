# shellcheck shell=bash
# dlopen_note.sh - objects that declare what they may load: .note.dlopen of systemd. Sourced by bash scripts.

# shellcheck disable=SC2034 # for those that source this
DLOPEN_NOTE=0x407c0c0a # the note's type

# note TYPE OWNER JSON: the assembler's source of a note.
note()
{
	cat <<-S
	.section .note.dlopen, "a", @note
	.balign 4
	.long 2f - 1f, 4f - 3f, $1
	1: .asciz "$2"
	2: .balign 4
	3: .ascii "${3//\"/\\\"}"
	4: .balign 4
	S
}
