#!/usr/bin/python3
"""Writes malformed ELF files into a directory: one that is well-formed, spoilt in one way each.

    malformed.py PROGRAM DIRECTORY COUNT

"bad-*" no reader can accept; "odd-*" are COUNT random mutations (fixed seed) of headers, program
headers and dynamic section, which may be accepted but must not crash anything.
"""
import pathlib
import random
import struct
import sys

EHDR_FIELDS = {  # name: (offset, format)
    "e_ident_class": (4, "B"), "e_ident_data": (5, "B"), "e_type": (16, "<H"),
    "e_machine": (18, "<H"), "e_phoff": (32, "<Q"), "e_phentsize": (54, "<H"),
    "e_phnum": (56, "<H"),
}
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT = {"NEEDED": 1, "PLTRELSZ": 2, "HASH": 4, "STRTAB": 5, "SYMTAB": 6, "RELA": 7, "RELASZ": 8,
      "RELAENT": 9, "STRSZ": 10, "SYMENT": 11, "SONAME": 14, "RPATH": 15, "JMPREL": 23,
      "RUNPATH": 29, "RELRSZ": 35, "RELR": 36, "GNU_HASH": 0x6ffffef5, "VERSYM": 0x6ffffff0,
      "VERDEF": 0x6ffffffc, "VERDEFNUM": 0x6ffffffd, "VERNEED": 0x6ffffffe,
      "VERNEEDNUM": 0x6fffffff}
ABSURD = [0, 1, 0x7fffffff, 0xffffffff, 1 << 40, (1 << 63) - 1, (1 << 64) - 1]


class Elf:
    def __init__(self, data):
        self.data = bytearray(data)
        self.phoff, = struct.unpack_from("<Q", data, 32)
        self.phnum, = struct.unpack_from("<H", data, 56)

    def headers(self):
        """(file offset of the header, type, offset, vaddr, filesz) of each program header."""
        for i in range(self.phnum):
            at = self.phoff + 56 * i
            kind, _, offset, vaddr, _, filesz, _, _ = struct.unpack_from("<IIQQQQQQ", self.data, at)
            yield at, kind, offset, vaddr, filesz

    def header(self, kind):
        return next(h for h in self.headers() if h[1] == kind)

    def dynamic(self):
        """(file offset of the entry, tag, value)"""
        _, _, offset, _, size = self.header(PT_DYNAMIC)
        for at in range(offset, offset + size, 16):
            tag, value = struct.unpack_from("<QQ", self.data, at)
            yield at, tag, value
            if tag == 0:
                return

    def file_offset(self, vaddr):
        for _, kind, offset, start, size in self.headers():
            if kind == PT_LOAD and start <= vaddr < start + size:
                return offset + vaddr - start
        raise ValueError(hex(vaddr))


def main():
    program, directory, count = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    good = pathlib.Path(program).read_bytes()
    elf = Elf(good)

    def write(name, data):
        path = directory / name
        path.write_bytes(data)
        path.chmod(0o755)

    def spoilt(name, at, form, value):
        data = bytearray(good)
        struct.pack_into(form, data, at, value)
        write(name, data)

    write("bad-empty", b"")
    write("bad-text", b"#!/bin/sh\necho this is no ELF file\n")
    write("bad-magic-only", b"\x7fELF")
    write("bad-zeros", bytes(4096))
    write("bad-magic-then-ones", b"\x7fELF" + b"\xff" * 4096)
    for size in (16, 40, 63, 64, 100, elf.phoff + 56 * elf.phnum - 1, len(good) // 8,
                 elf.header(PT_DYNAMIC)[2] + 8):
        write(f"bad-truncated-{size}", good[:size])
    for name, (at, form) in EHDR_FIELDS.items():
        spoilt(f"bad-{name}-absurd", at, form, (1 << 8 * struct.calcsize(form)) - 1)
    spoilt("bad-phoff-past-end", 32, "<Q", len(good) + 1)
    spoilt("bad-phoff-overlaps-end", 32, "<Q", len(good) - 8)
    dynamic = elf.header(PT_DYNAMIC)[0]
    spoilt("odd-dynamic-offset", dynamic + 8, "<Q", 1 << 60)
    spoilt("bad-dynamic-size", dynamic + 32, "<Q", 1 << 60)
    interp = elf.header(PT_INTERP)
    spoilt("bad-interp-offset", interp[0] + 8, "<Q", 1 << 60)
    spoilt("bad-interp-unterminated", interp[2] + interp[4] - 1, "B", ord("x"))
    values = {}
    entries = list(elf.dynamic())
    for at, tag, value in entries:
        values.setdefault(tag, (at, value))
    for name in ("STRTAB", "SYMTAB", "RELA", "JMPREL", "GNU_HASH", "VERSYM", "VERNEED"):
        if DT[name] in values:
            spoilt(f"bad-DT_{name}-outside", values[DT[name]][0] + 8, "<Q", 1 << 50)
    for name in ("STRSZ", "RELASZ", "PLTRELSZ"):
        if DT[name] in values:
            spoilt(f"bad-DT_{name}-absurd", values[DT[name]][0] + 8, "<Q", 1 << 50)
    spoilt("bad-DT_NEEDED-outside", values[DT["NEEDED"]][0] + 8, "<Q", 1 << 40)
    spoilt("bad-DT_RUNPATH-outside", values[DT["RUNPATH"]][0] + 8, "<Q", 1 << 40)
    # Tables that go round in circles: a GNU hash chain without end, a version list that is its own
    # successor.
    need = elf.file_offset(values[DT["VERNEED"]][1])
    spoilt("odd-verneed-cycle", need + 12, "<I", 0)
    spoilt("odd-verneed-absurd-next", need + 12, "<I", 0xfffffff0)
    spoilt("bad-verneed-absurd-aux", need + 8, "<I", 0x7ffffff0)
    symtab = elf.file_offset(values[DT["SYMTAB"]][1])
    spoilt("bad-symbol-name", symtab + 24, "<I", 0x7fffffff)
    rela = elf.file_offset(values[DT["RELA"]][1])
    relasz = values[DT["RELASZ"]][1]
    spoilt("bad-relocation-symbol", rela + relasz - 24 + 8, "<Q", 0x7fffffff << 32 | 6)
    spoilt("odd-relocation-offset", rela, "<Q", 1 << 60)
    gnu_hash = elf.file_offset(values[DT["GNU_HASH"]][1])
    for i, word in enumerate(("buckets", "symoffset", "bloom", "shift")):
        spoilt(f"odd-gnu-hash-{word}", gnu_hash + 4 * i, "<I", 0xffffffff)
        spoilt(f"odd-gnu-hash-{word}-zero", gnu_hash + 4 * i, "<I", 0)

    rng = random.Random(20240101)
    targets = [(at + 8 * i, "<Q") for at, *_ in elf.headers() for i in range(7)]
    targets += [(at + 8 * i, "<Q") for at, *_ in entries for i in range(2)]
    targets += [(value, "<I") for value in range(16, 64, 4)]
    for table, size in (("GNU_HASH", 64), ("VERNEED", 64), ("VERSYM", 32), ("SYMTAB", 240),
                        ("RELA", 240), ("JMPREL", 120)):
        if DT[table] in values:
            start = elf.file_offset(values[DT[table]][1])
            targets += [(start + i, "<I") for i in range(0, size, 4)]
    for i in range(count):
        data = bytearray(good)
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            at, form = rng.choice(targets)
            size = struct.calcsize(form)
            old, = struct.unpack_from(form, data, at)
            new = rng.choice([rng.choice(ABSURD), rng.getrandbits(64), old ^ 1 << rng.randrange(64),
                              old + rng.randrange(-64, 64), len(good) - rng.randrange(64)])
            struct.pack_into(form, data, at, new & (1 << 8 * size) - 1)
        write(f"odd-{i:04d}", data)


if __name__ == "__main__":
    main()
