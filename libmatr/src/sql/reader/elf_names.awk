# elf_names.awk - from <elf.h>, C functions that give the names of numbers (elf_names.h).
#
# Left out: limits of ranges (LOOS, HIPROC, ...), counts (..._NUM), and second names of a number.
# A name that starts with a machine's is good for that machine only.

function number(text,    i, value, digit) {
	if (text !~ /^0[xX]/)
		return text + 0
	value = 0
	for (i = 3; i <= length(text); i++) {
		digit = index("0123456789abcdef", tolower(substr(text, i, 1)))
		if (digit == 0)
			break
		value = value * 16 + digit - 1
	}
	return value
}

BEGIN {
	n = split("X86_64=X86_64 386=386 AARCH64=AARCH64 ARM=ARM PPC64=PPC64 PPC=PPC 390=S390 MIPS=MIPS " \
		"SPARC=SPARC SPARC=SPARCV9 SPARC=SPARC32PLUS ALPHA=ALPHA IA64=IA_64 IA_64=IA_64 RISCV=RISCV " \
		"PARISC=PARISC HP=PARISC SH=SH M32R=M32R CKCORE=CSKY CSKY=CSKY LARCH=LOONGARCH 68K=68K " \
		"NIOS2=ALTERA_NIOS2 OR1K=OPENRISC METAG=METAG MICROBLAZE=MICROBLAZE BPF=BPF " \
		"MN10300=MN10300 TILEGX=TILEGX TILEPRO=TILEPRO CRIS=CRIS ARC=ARC_COMPACT ARC=ARCV2", pairs, " ")
	for (i = 1; i <= n; i++) {
		split(pairs[i], pair, "=")
		token[i] = pair[1]
		machine[i] = pair[2]
	}
	n_machines = n
	n_kinds = split("EM ET EV ELFOSABI SHT PT DT STT STB STV SHN R", kinds, " ")
	for (i = 1; i <= n_kinds; i++)
		is_kind[kinds[i]] = 1
}

function add(kind, machine, name, value) {
	if ((kind, machine, value) in taken)
		return
	taken[kind, machine, value] = 1
	if (!((kind, machine) in cases)) {
		n_groups++
		group_kind[n_groups] = kind
		group_machine[n_groups] = machine
	}
	cases[kind, machine] = cases[kind, machine] sprintf("\tcase UINT64_C(%.0f):\n\t\treturn \"%s\";\n", value, name)
}

/^#[ \t]*define[ \t]+[A-Z]+_[A-Za-z0-9_]+[ \t]+[0-9(A-Z]/ {
	full = $2
	kind = full
	sub(/_.*/, "", kind)
	if (!(kind in is_kind))
		next
	text = $3
	if (text ~ /^\(/) { # (BASE + number)
		base = substr(text, 2)
		if (!(base in values) || $4 != "+")
			next
		value = values[base] + number($5)
	} else if (text ~ /^[0-9]/) {
		value = number(text)
	} else if (kind == "R" && text in values) { # PPC64 has many of PPC
		value = values[text]
	} else {
		next # another name of the same
	}
	values[full] = value
	name = substr(full, length(kind) + 2)
	if (name ~ /(^|_)(LO|HI)(OS|PROC|RESERVE|SUNW|USER)$/ || name ~ /(^|_)NUM$/ || name ~ /^(VAL|ADDR|VERSIONTAG|EXTRA|PROC)NUM$/ || name ~ /RNG(LO|HI)$/ || name == "ENCODING")
		next
	if (kind == "EM") {
		if (name == "X86_64")
			name = "x86_64"
		if (name == "386")
			name = "i386"
	}
	if (kind == "SHT")
		name = toupper(name)
	if (kind == "R") { # as the tools call them on every machine
		sub(/JMP_SLOT$/, "JUMP_SLOT", name)
		if (full == "R_AARCH64_TLS_TPREL")
			name = name "64"
	}
	found = 0
	for (i = 1; i <= n_machines && kind != "EM"; i++)
		if (index(name, token[i] "_") == 1) {
			# Not PPC_ for what begins with PPC64_: the underscore tells them apart.
			add(kind, machine[i], kind == "R" ? substr(name, length(token[i]) + 2) : name, value)
			found = 1
		}
	if (!found && kind != "R")
		add(kind, "", name, value)
}

END {
	print "/* Made from <elf.h> by elf_names.awk. */"
	for (i = 1; i <= n_groups; i++) {
		k = group_kind[i]
		m = group_machine[i]
		printf "static const char *name_%s_%s(uint64_t number)\n{\n\tswitch (number) {\n%s\tdefault:\n\t\treturn 0;\n\t}\n}\n", k, m, cases[k, m]
	}
	print "static const char *name_of_machine(enum names kind, uint64_t number, unsigned machine)\n{"
	for (i = 1; i <= n_groups; i++)
		if (group_machine[i] != "")
			printf "\tif (kind == NAMES_%s && machine == EM_%s)\n\t\treturn name_%s_%s(number);\n", group_kind[i], group_machine[i], group_kind[i], group_machine[i]
	print "\treturn 0;\n}"
	print "static const char *name_of_kind(enum names kind, uint64_t number)\n{"
	for (i = 1; i <= n_groups; i++)
		if (group_machine[i] == "")
			printf "\tif (kind == NAMES_%s)\n\t\treturn name_%s_(number);\n", group_kind[i], group_kind[i]
	print "\treturn 0;\n}"
}
