#!/usr/bin/python3
"""epoch_image.py - an independent reader of epoch images, written from docs/image-format.md.

usage: epoch_image.py check IMAGE          every offset, checksum and address range; prints a summary
       epoch_image.py dump IMAGE [PROGRAM] what a start of each program (or of this one) gets
       epoch_image.py same IMAGE IMAGE     do both give every program the same? Bases do not matter.
       epoch_image.py manifests IMAGE      offset and size of each manifest

Exit status: 0 yes; 1 no, with the reason; 2 usage.
"""
import hashlib
import struct
import sys

PAGE = 4096
MASK = (1 << 64) - 1
BASES = ("own", "place", "application", "loader", "absolute")
FILE, IMAGE, ZERO = 0, 1, 2
NO_LIBRARY = 0xFFFFFFFF
PACKED = 1 << 5
DT_NEEDED, DT_STRTAB, DT_SONAME, DT_RELA, DT_RELASZ = 1, 5, 14, 7, 8
DT_AUXILIARY, DT_FILTER = 0x7FFFFFFD, 0x7FFFFFFF
PT_DYNAMIC = 2


class Bad(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Bad(what)


def checksum64(data, seed=0):
    """The multiply-and-fold hash of the format."""
    value = (seed ^ (0x9E3779B97F4A7C15 * (len(data) + 1))) & MASK

    def add(value, word):
        value = ((value ^ word) * 0xFF51AFD7ED558CCD) & MASK
        return value ^ value >> 32

    blocks, whole = len(data) // 32 * 32, len(data) // 8 * 8
    if blocks:
        a, b, c, d = (value + i & MASK for i in range(4))
        for words in struct.iter_unpack("<4Q", data[:blocks]):
            a, b, c, d = add(a, words[0]), add(b, words[1]), add(c, words[2]), add(d, words[3])
        for word in (a, b, c, d):
            value = add(value, word)
    for (word,) in struct.iter_unpack("<Q", data[blocks:whole]):
        value = add(value, word)
    for byte in data[whole:]:
        value = ((value ^ byte) * 0xC4CEB9FE1A85EC53) & MASK
        value ^= value >> 29
    return value ^ value >> 33


def checksum32(data):
    value = checksum64(data)
    return (value ^ value >> 32) & 0xFFFFFFFF


class Record:
    """A struct of the format: names and a struct string, at an offset."""

    def __init__(self, layout, data, at):
        need(at % 8 == 0 and at + layout.size <= len(data), f"a record at {at} is outside")
        for name, value in zip(layout.names, layout.struct.unpack_from(data, at)):
            setattr(self, name, value)
        self.at = at


class Layout:
    def __init__(self, text):
        fields = [field.split(":") for field in text.split()]
        self.names = [name for name, _ in fields]
        self.struct = struct.Struct("<" + "".join(code for _, code in fields))
        self.size = self.struct.size


FILE_ID = "{0}device:Q {0}inode:Q {0}size:Q {0}mtime:q {0}ctime:q"
HEADER = Layout("magic:8s format:I endian:I file_size:Q metadata_size:Q epoch:Q region:Q region_size:Q"
                " hash:Q libraries:Q cpu:Q whole_size:Q loader_hash:Q metadata_checksum:Q pages_checksum:Q "
                + FILE_ID.format("preload_") + " hash_size:I n_applications:I n_libraries:I libraries_room:I cpu_level:I flags:I reserved:I checksum:I")
MANIFEST = Layout("checksum:I size:I flags:I n_objects:I key:Q " + FILE_ID.format("file_")
                  + " content:Q path:Q objects:Q needed:Q words:Q residual:Q ifuncs:Q ifunc_slots:Q copies:Q"
                  " closures:Q runs:Q library_path:Q added_bytes:Q alignment:Q n_needed:I n_residual:I n_ifuncs:I n_copies:I"
                  " n_relocations:I n_relative:I n_ifunc_slots:I n_residual_total:I n_runs:I reserved:I")
RUN = Layout("place:Q size:Q offset:Q")
OBJECT = Layout("path:Q headers:Q patches:Q headers_size:I library:I n_residual:I flags:I")
LIBRARY = Layout("base:Q first:Q span:Q dynamic:Q alignment:Q " + FILE_ID.format("file_")
                 + " content:Q segments:Q shifts:Q path:Q n_segments:I n_variants:I")
SEGMENT = Layout("vaddr:Q size:Q offset:Q source:H relro:H protection:I")
IFUNC = Layout("object:I n_slots:I vaddr:Q result:Q first_slot:Q")
COPY = Layout("target:Q source:Q size:Q object:I reserved:I")
GROUP = Layout("start:Q bias:Q base:I n_entries:I n_slots:I reserved:I")
CLOSURES = Layout("checksum:I size:I loaded:Q objects:Q hash:Q needed_first:Q needed:Q n_needed:I n_loaded:I"
                  " n_objects:I hash_size:I")
LOADED = Layout("path:Q closure:Q base:Q")
CLOSURE = Layout("members:Q numbers:Q ifuncs:Q ifunc_slots:Q names:Q files:Q n_members:I n_ifuncs:I"
                 " n_names:I n_files:I n_relocations:I n_residual:I root_object:I root:I")


def places(start, entries):
    """The words that a list of entries stands for."""
    following = start
    for entry in entries:
        if entry & 1:
            for bit in range(31):
                if entry >> (bit + 1) & 1:
                    yield following + 8 * bit
            following += 8 * 31
        else:
            yield start + entry // 2 * 8
            following = start + entry // 2 * 8 + 8


class Image:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        need(len(self.data) >= HEADER.size, "too short for a header")
        self.header = header = Record(HEADER, self.data, 0)
        need(header.magic == b"MATRXIMG" and header.format == 8, "not an image of format 8")
        need(header.endian == 0x01020304, "of another byte order")
        copy = bytearray(self.data[: HEADER.size])
        copy[-4:] = bytes(4)
        need(checksum32(bytes(copy)) == header.checksum, "the header does not match its checksum")
        need(header.file_size == len(self.data), "the size is not the recorded one")
        need(header.metadata_size % PAGE == 0 and header.metadata_size <= len(self.data), "metadata is outside")
        self.metadata = self.data[: header.metadata_size]
        need(header.n_libraries <= header.libraries_room, "more libraries than there is room for")
        self.array(LIBRARY, header.libraries, header.libraries_room)
        self.libraries = self.array(LIBRARY, header.libraries, header.n_libraries)
        for library in self.libraries:
            library.list = self.array(SEGMENT, library.segments, library.n_segments)
        self.by_base = sorted(self.libraries, key=lambda library: library.base)

    def array(self, layout, offset, n):
        return [Record(layout, self.metadata, offset + i * layout.size) for i in range(n)]

    def numbers(self, code, offset, n):
        layout = struct.Struct(f"<{n}{code}")
        need(offset + layout.size <= len(self.metadata), "an array is outside")
        return layout.unpack_from(self.metadata, offset)

    def string(self, offset):
        end = self.metadata.find(b"\0", offset)
        need(0 < offset < len(self.metadata) and end >= 0, f"a string at {offset} is outside")
        return self.metadata[offset:end].decode(errors="surrogateescape")

    def slots(self):
        header = self.header
        need(header.hash_size & (header.hash_size - 1) == 0, "the hash table's size is no power of two")
        for i in range(header.hash_size):
            key, manifest = struct.unpack_from("<QQ", self.metadata, header.hash + 16 * i)
            if manifest:
                yield i, key, Record(MANIFEST, self.metadata, manifest)

    def written(self, offset, n):
        """The pages that are populated for what is written."""
        result, end = set(), -1
        for i in range(n):
            vaddr, size = struct.unpack_from("<QQ", self.metadata, offset + 16 * i)
            need(vaddr % PAGE == 0 and size % PAGE == 0 and size and vaddr > end, "pages that are written are out of order")
            end = vaddr + size
            result.update(range(vaddr, end, PAGE))
        return result

    def words(self, offset):
        """(place, base, value) of each word that a relocation program writes."""
        if not offset:
            return
        size, n_groups, n_written, _ = struct.unpack_from("<IIII", self.metadata, offset)
        pages, written = set(), self.written(offset + 16, n_written)
        at = offset + 16 + 16 * n_written
        for _ in range(n_groups):
            group = Record(GROUP, self.metadata, at)
            entries = self.numbers("I", at + GROUP.size, group.n_entries)
            values = self.numbers("I", at + GROUP.size + 4 * group.n_entries, group.n_slots)
            targets = list(places(group.start, entries))
            need(len(targets) == group.n_slots and group.base < len(BASES), "a program does not add up")
            pages.update(place // PAGE * PAGE for place in targets)
            for place, value in zip(targets, values):
                yield place, BASES[group.base], (group.bias + value) & MASK
            at += (GROUP.size + 4 * (group.n_entries + group.n_slots) + 7) // 8 * 8
        need(at == offset + size, "a program is of another size")
        need(pages == written, "the pages of a program are others than those it writes")

    def target(self, value):
        """A library and an offset for an address relative to the place."""
        low, high = 0, len(self.by_base)
        while low < high:
            middle = (low + high) // 2
            if self.by_base[middle].base <= value:
                low = middle + 1
            else:
                high = middle
        need(low > 0, f"no library has address {value:#x}")
        library = self.by_base[low - 1]
        return self.string(library.path), value - library.base

    def named(self, base, value):
        return self.target(value) if base == "place" else (base, value)

    def shifted(self, library):
        if not library.shifts:
            return []
        start, n_entries, n_words, n_written, _ = struct.unpack_from("<QIIII", self.metadata, library.shifts)
        written = self.written(library.shifts + 24, n_written)
        result = list(places(start, self.numbers("I", library.shifts + 24 + 16 * n_written, n_entries)))
        need(len(result) == n_words, "shifts do not add up")
        need({vaddr // PAGE * PAGE for vaddr in result} == written, "the pages of shifts are others than those they write")
        return result

    def page_word(self, library, vaddr):
        for segment in library.list:
            if segment.source == IMAGE and segment.vaddr <= vaddr < segment.vaddr + segment.size:
                return struct.unpack_from("<Q", self.data, segment.offset + vaddr - segment.vaddr)[0]
        raise Bad(f"a word at {vaddr:#x} is not in page data")

    def memory(self, library, patches):
        """What the library's own pages hold once it is placed: a digest that does not depend on bases."""
        words = {}
        for vaddr in self.shifted(library):
            words[vaddr] = self.target((self.page_word(library, vaddr) - self.header.region) & MASK)
        patched = {vaddr: self.named(base, value) for vaddr, base, value in self.words(patches)}
        digest = hashlib.sha256()
        for segment in library.list:
            digest.update(repr((segment.vaddr, segment.size, segment.source, segment.relro, segment.protection,
                                segment.offset if segment.source == FILE else 0)).encode())
            if segment.source != IMAGE:
                continue
            pages = bytearray(self.data[segment.offset : segment.offset + segment.size])
            # Clear the words that are written: their values are hashed below, without bases.
            for vaddr in (*words, *patched):
                if segment.vaddr <= vaddr < segment.vaddr + segment.size:
                    at = vaddr - segment.vaddr
                    pages[at : at + 8] = bytes(8)
            digest.update(pages)
        words.update(patched)
        for vaddr in sorted(words):
            if words[vaddr] != ("absolute", 0):
                digest.update(repr((vaddr, words[vaddr])).encode())
        return digest.hexdigest()

    def dynamic(self, library, headers):
        """The dynamic section that ld.so is shown, with strings and the residual table."""
        (offset,) = struct.unpack_from("<Q", headers, 32)
        (count,) = struct.unpack_from("<H", headers, 56)
        for i in range(count):
            kind, _, _, vaddr, _, _, size, _ = struct.unpack_from("<IIQQQQQQ", headers, offset + 56 * i)
            if kind != PT_DYNAMIC:
                continue
            at = (library.base + vaddr) & MASK
            entries = list(struct.iter_unpack("<QQ", self.metadata[at : at + size]))
            values = dict(entries)
            for tag, value in entries:
                if tag in (DT_NEEDED, DT_SONAME, DT_AUXILIARY, DT_FILTER):
                    value = self.string((library.base + values[DT_STRTAB] + value) & MASK)
                elif tag == DT_RELA and (library.base + value) & MASK < len(self.metadata):
                    start = (library.base + value) & MASK
                    value = self.metadata[start : start + values[DT_RELASZ]].hex()
                yield tag, value

    def object(self, record):
        """What ld.so and the program see of one object."""
        result = {"path": self.string(record.path), "residual": record.n_residual, "flags": record.flags & 1}
        if record.library == NO_LIBRARY:
            return result
        need(record.library < len(self.libraries), "an object's library is outside")
        library = self.libraries[record.library]
        headers = bytearray(self.metadata[record.headers : record.headers + record.headers_size])
        result["library"] = self.string(library.path)
        result["file"] = (library.file_inode, library.file_size, library.file_mtime)
        result["dynamic"] = list(self.dynamic(library, headers))
        result["memory"] = self.memory(library, record.patches)
        return result

    def ifuncs(self, offset, n, slots_at):
        for ifunc in self.array(IFUNC, offset, n):
            slots = self.numbers("Q", slots_at + 8 * ifunc.first_slot, ifunc.n_slots)
            yield ifunc.object, ifunc.vaddr, ifunc.result, slots

    def closures(self, offset):
        if not offset:
            return {}
        head = Record(CLOSURES, self.metadata, offset)
        need(checksum32(self.metadata[offset + 8 : offset + head.size]) == head.checksum, "closures: wrong checksum")
        objects = self.array(OBJECT, head.objects, head.n_objects)
        result = {}
        for loaded in self.array(LOADED, head.loaded, head.n_loaded):
            if not loaded.closure:
                continue
            closure = Record(CLOSURE, self.metadata, loaded.closure)
            members = [closure.root_object, *self.numbers("I", closure.members, closure.n_members - 1)]
            result[self.string(loaded.path)] = {
                "members": [self.object(objects[i]) for i in members],
                "ifuncs": list(self.ifuncs(closure.ifuncs, closure.n_ifuncs, closure.ifunc_slots)),
                "names": self.numbers("I", closure.names, closure.n_names),
                "files": self.numbers("I", closure.files, closure.n_files),
            }
        return result

    def check_runs(self, manifest):
        """Packed libraries lie in a run as their segments say."""
        runs = self.array(RUN, manifest.runs, manifest.n_runs)
        for record in self.array(OBJECT, manifest.objects, manifest.n_objects):
            if not record.flags & PACKED:
                continue
            library = self.libraries[record.library]
            start = library.base + library.first
            for run in runs:
                if run.place <= start < run.place + run.size:
                    break
            else:
                raise Bad("a packed library is in no run")
            for segment in library.list:
                place = library.base + segment.vaddr
                need(segment.source == ZERO or segment.source == IMAGE and place + segment.size <= run.place + run.size and
                     segment.offset - self.header.metadata_size - run.offset == place - run.place,
                     "a packed library's segment is elsewhere than its run")

    def application(self, manifest):
        """All that a start of the application depends on."""
        residual = self.metadata[manifest.residual : manifest.residual + 24 * manifest.n_residual]
        return {
            "flags": manifest.flags,
            "file": (manifest.file_inode, manifest.file_size, manifest.file_mtime),
            "needed": [self.string(at) for at in self.numbers("Q", manifest.needed, manifest.n_needed)],
            "objects": [self.object(record) for record in self.array(OBJECT, manifest.objects, manifest.n_objects)],
            "words": sorted((vaddr, *self.named(base, value)) for vaddr, base, value in self.words(manifest.words)),
            "residual": residual.hex() if manifest.n_residual else "",
            "ifuncs": list(self.ifuncs(manifest.ifuncs, manifest.n_ifuncs, manifest.ifunc_slots)),
            "copies": [(copy.target, copy.source, copy.size, copy.object)
                       for copy in self.array(COPY, manifest.copies, manifest.n_copies)],
            "closures": self.closures(manifest.closures),
            "library_path": self.string(manifest.library_path) if manifest.library_path else "",
            "alignment": manifest.alignment,
        }

    def applications(self, only=None):
        result = {}
        for _, key, manifest in self.slots():
            path = self.string(manifest.path)
            if key == manifest.key and only in (None, path):
                result[path] = self.application(manifest)
        return result


def check(path):
    image = Image(path)
    header, n, withdrawn = image.header, 0, 0
    metadata = bytearray(image.metadata)
    for i, key, manifest in image.slots():
        piece = image.metadata[manifest.at + 8 : manifest.at + manifest.size]
        need(checksum32(piece) == manifest.checksum, "a manifest does not match its checksum")
        image.check_runs(manifest)
        need(key in (manifest.key, manifest.key ^ MASK), "a slot has a key that is not its manifest's")
        struct.pack_into("<Q", metadata, header.hash + 16 * i, manifest.key)
        withdrawn += key != manifest.key
        n += 1
    need(n == header.n_applications, "the hash table does not hold all applications")
    need(checksum64(bytes(metadata[HEADER.size :])) == header.metadata_checksum, "metadata: wrong checksum")
    need(checksum64(image.data[header.metadata_size :]) == header.pages_checksum, "page data: wrong checksum")
    ranges = {}
    for library in image.libraries:
        low = library.base + library.first
        need(low >= header.metadata_size and low + library.span <= header.region_size, "a library is outside the region")
        need((header.region + library.base) % library.alignment == 0, "a library is not aligned")
        ranges[low] = library.span
    end = 0
    for low, span in sorted(ranges.items()):
        need(low >= end, "two libraries overlap")
        end = low + span
    image.applications()
    print(f"{n} applications, {withdrawn} withdrawn, {len(ranges)} libraries, {len(image.libraries)} sets of pages,"
          f" metadata {header.metadata_size} bytes, page data {header.file_size - header.metadata_size} bytes")


def differences(one, other):
    for path in sorted({*one, *other}):
        if path not in one or path not in other:
            yield f"{path}: only in one image"
            continue
        for what in one[path]:
            if one[path][what] != other[path][what]:
                yield f"{path}: {what} differ"


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "check":
        check(arguments[1])
    elif len(arguments) in (2, 3) and arguments[0] == "dump":
        for path, application in sorted(Image(arguments[1]).applications(*arguments[2:]).items()):
            print(path)
            for what, value in application.items():
                print(f"    {what}: {value}")
    elif len(arguments) == 3 and arguments[0] == "same":
        found = list(differences(*(Image(path).applications() for path in arguments[1:])))
        print(*found, sep="\n", end="\n" if found else "")
        return bool(found)
    elif len(arguments) == 2 and arguments[0] == "manifests":
        for _, _, manifest in Image(arguments[1]).slots():
            print(manifest.at, manifest.size)
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (Bad, struct.error) as error:
        print(f"{sys.argv[2]}: {error}", file=sys.stderr)
        sys.exit(1)
