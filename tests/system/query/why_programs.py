#!/usr/bin/env python3
"""What matr why and matr shadowed say, computed once more from readelf and ld.so alone.

usage: why_programs.py MATR why N PROGRAM...       N symbols of each program: every object of the scope, and why not
       why_programs.py MATR library PROGRAM...     every library of each program: where ld.so says that it looked
       why_programs.py MATR shadowed PROGRAM...    symbols with several providers

The programs are in the epoch in force of MATR_PREFIX. The scope is the order in which ld.so lists it
(LD_TRACE_LOADED_OBJECTS); symbols, versions and relocations are readelf's. What ld.so's lookup takes is written down
here again, from glibc's do_lookup_x() and check_match(): none of MatR's code or output has a part in it.
Prints what differs, and how much was compared. Exit status 1: something differs.
"""
import collections, functools, json, os, re, subprocess, sys

MATR = sys.argv[1]
PLT_TYPES = {'R_X86_64_JUMP_SLOT', 'R_X86_64_DTPMOD64', 'R_X86_64_DTPOFF64', 'R_X86_64_TPOFF64', 'R_X86_64_TLSDESC'}
PROVIDING = {'NOTYPE', 'OBJECT', 'FUNC', 'COMMON', 'TLS', 'IFUNC'}
Symbol = collections.namedtuple('Symbol', 'name version value type bind visibility section index hidden')


def output(*command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                          errors='surrogateescape', **more).stdout


class Object:
    def __init__(self, path):
        self.path = path
        dynamic = output('readelf', '-W', '-d', path)
        self.symbolic = '(SYMBOLIC)' in dynamic or bool(re.search(r'\(FLAGS\).*SYMBOLIC', dynamic))
        versions = re.findall(r'(?<![0-9a-f])([0-9a-f]+)(h?)\s*\(', ''.join(
            line.split(':', 1)[1] for line in re.split(r"\nVersion (?:definition|needs)", re.sub(
                r"(?s).*?Version symbols section", '', output('readelf', '-W', '-V', path), count=1))[0].split('\n')
            if re.match(r'\s+[0-9a-f]+:', line)))
        self.versioned = '(VERSYM)' in dynamic
        self.symbols, self.by_name = [], collections.defaultdict(list)
        for line in output('readelf', '-W', '--dyn-syms', path).split('\n'):
            field = line.split()
            if len(field) < 7 or not field[0].endswith(':') or not field[0][:-1].isdigit():
                continue
            name, _, version = (field[7] if len(field) > 7 else '').partition('@')
            number = len(self.symbols)
            index, hidden = versions[number] if self.versioned else ('1', '')
            symbol = Symbol(name, version.lstrip('@') or None, int(field[1], 16), field[3], field[4], field[5], field[6],
                            int(index, 16), bool(hidden))
            self.symbols.append(symbol)
            self.by_name[name].append(symbol)
        assert not self.versioned or len(versions) == len(self.symbols), path

    @functools.cached_property
    def references(self):
        """(symbol, class) of the relocations, in readelf's order, each once."""
        found = {}
        for line in output('readelf', '-W', '-r', self.path).split('\n'):
            match = re.match(r'[0-9a-f]{16}\s+([0-9a-f]{16})\s+(R_X86_64_\w+)', line)
            if match and int(match[1], 16) >> 32:
                symbol = self.symbols[int(match[1], 16) >> 32]
                kind = 'plt' if match[2] in PLT_TYPES else 'copy' if match[2] == 'R_X86_64_COPY' else 'data'
                if symbol.bind != 'LOCAL' and symbol.visibility not in ('HIDDEN', 'INTERNAL'):
                    found[symbol, kind] = True
        return list(found)


objects = {}


def scope_of(program):
    """The objects, in the order of lookup."""
    paths = [program]
    for line in output(program, env=dict(os.environ, LD_TRACE_LOADED_OBJECTS='1')).split('\n'):
        match = re.match(r'\t(?:\S+ => )?(/\S+) \(0x', line)
        if match:
            paths.append(os.path.realpath(match[1]))
    for path in paths:
        if path not in objects:
            objects[path] = Object(path)
    return [objects[path] for path in paths]


def fits(owner, symbol, version):
    """2: yes, 1: if it is the only one, 0: no."""
    if not owner.versioned:
        return 2
    if version is None:
        return 2 if symbol.index < 3 else 0 if symbol.hidden else 1
    if symbol.version == version:
        return 2
    return 2 if symbol.index == 1 and not symbol.hidden else 0


def ask(owner, is_program, name, version, kind):
    """What one object has to offer: outcome, version, weak."""
    there = owner.by_name.get(name, [])
    if not there:
        return 'not defined', None, None
    usable = [s for s in there if s.section != 'UND' or s.value]
    if not usable:
        return 'undefined there too', there[-1].version, 'weak' if there[-1].bind == 'WEAK' else None
    if kind == 'copy' and is_program:
        return 'passed over: copy relocation', None, None
    offered = [s for s in usable if (s.value or s.section == 'ABS' or s.type == 'TLS') and s.type in PROVIDING and
               not (kind == 'plt' and s.section == 'UND')]
    if not offered:
        return 'canonical address, not for calls' if usable[-1].section == 'UND' else 'of no use', None, None
    match = next((s for s in offered if fits(owner, s, version) == 2), None)
    alone = [s for s in offered if fits(owner, s, version) == 1]
    if not match and len(alone) == 1:
        match = alone[0]
    if not match:
        return 'other version', None, None
    return 'match', match.version, 'weak' if match.bind == 'WEAK' else None


def search(scope, requester, name, version, kind):
    order = list(range(len(scope)))
    if scope[requester].symbolic:
        order = [requester] + [i for i in order if i != requester]
    return tuple((scope[i].path,) + ask(scope[i], i == 0, name, version, kind) for i in order)


def is_loader(path):
    return os.path.basename(path).startswith('ld-linux')


def comparable(step):
    """Which version the reader is told of where several do not match is MatR's choice."""
    path, outcome, version, weak = step
    return step if outcome in ('match', 'undefined there too', 'not defined') else (path, outcome, None, None)


differences = 0


def differ(*what):
    global differences
    differences += 1
    if differences <= 20:
        print(*what)


def users(scope):
    """Who refers to which name."""
    by_name = collections.defaultdict(list)
    for i, owner in enumerate(scope):
        for symbol, kind in ([] if is_loader(owner.path) else owner.references):
            by_name[symbol.name].append((i, symbol, kind))
    return by_name


def several(scope, name):
    return sum(any(s.section != 'UND' for s in owner.by_name.get(name, [])) for owner in scope)


def check_why(programs, wanted):
    pairs = steps = 0
    for program in programs:
        scope = scope_of(program)
        by_name = users(scope)
        # Prefer names that several objects define, or that are referred to in several versions: they tell most.
        names = sorted(by_name, key=lambda n: (-(several(scope, n) > 1), -(len({s.version for _, s, _ in by_name[n]}) > 1),
                                               hash_of(n)))
        half = names[:wanted // 2]
        for name in half + sorted(set(names) - set(half), key=hash_of)[:wanted - len(half)]:
            truth = {}
            for i, symbol, kind in by_name[name]:
                found = tuple(comparable(s) for s in search(scope, i, name, symbol.version, kind))
                truth.setdefault((scope[i].path, symbol.version), set()).add(found)
            answer = json.loads(output(MATR, 'why', '--format', 'json', program, name) or '{"references":[],"searches":[]}')
            searches = collections.defaultdict(list)
            for s in answer['searches']:
                outcome = 'match' if s['outcome'].startswith('match') else s['outcome']
                searches[s['search']].append(comparable((s['object'], outcome, s['has_version'], s['weak'])))
            ours = {}
            for r in answer['references']:
                ours.setdefault((r['requester'], r['version']), set()).add(tuple(searches[r['search']]))
                first = next((s['object'] for s in answer['searches'] if s['search'] == r['search'] and
                              s['outcome'] == 'match'), None)
                if r['rule'] in ('search', 'symbolic') and first and r['provider'] != first:
                    differ(program, name, 'the provider is not the first match', r)
                then = [s['outcome'] for s in answer['searches'] if s['search'] == r['search'] and
                        s['outcome'].startswith('match')]
                if then != ['match', 'match: would be next', 'match: later'][:2][:len(then)] + ['match: later'] * (len(then) - 2):
                    differ(program, name, 'order of matches', then)
            if ours != truth:
                for key in sorted(set(ours) | set(truth), key=str):
                    for a in ours.get(key, set()) ^ truth.get(key, set()):
                        differ(program, name, *key, 'matr' if a in ours.get(key, ()) else 'readelf', a)
            pairs += 1
            steps += sum(len(s) for found in truth.values() for s in found)
    print(f'{pairs} pairs of program and symbol, {steps} answers of objects')
    return pairs


def hash_of(name):
    return sum(ord(c) * 31 ** i for i, c in enumerate(name)) % 1000003, name


def check_shadowed(programs):
    rows = 0
    for program in programs:
        scope = scope_of(program)
        truth = collections.defaultdict(set)
        for name, references in users(scope).items():
            if several(scope, name) < 2 and not any(s.section == 'UND' and s.value for s in scope[0].by_name.get(name, [])):
                continue
            for i, symbol, kind in references:
                found = [path for path, outcome, _, _ in search(scope, i, name, symbol.version, kind) if outcome == 'match']
                for loser in found[1:]:
                    truth[name, symbol.version or '', found[0], tuple(found[1:]), loser].add(scope[i].path)
        copied = {s.name for s, kind in scope[0].references if kind == 'copy'}
        wanted = collections.Counter()
        for (name, version, winner, _, loser), requesters in truth.items():
            mark = 'copied' if winner == program and name in copied else ''
            wanted[name, version, winner, loser, str(len(requesters)), mark] += 1
        ours = collections.Counter(tuple(line.split(',')[1:]) for line in
                                   output(MATR, 'shadowed', '--format', 'csv', program).replace('\r', '').split('\n')[1:] if line)
        for row in sorted((ours - wanted).elements()):
            differ(program, 'only matr:', *row)
        for row in sorted((wanted - ours).elements()):
            differ(program, 'only readelf:', *row)
        rows += sum(wanted.values())
    print(f'{rows} rows of shadowed symbols')
    return rows


RULES = (('LD_LIBRARY_PATH', 'LD_LIBRARY_PATH'), ('RUNPATH from', 'DT_RUNPATH'), ('RPATH from', 'DT_RPATH'),
         ('search cache', 'ld.so.cache'), ('system search path', 'default directories'))


def check_libraries(programs):
    libraries = by_path = 0
    for program in programs:
        log = subprocess.run([program], env=dict(os.environ, LD_TRACE_LOADED_OBJECTS='1', LD_DEBUG='libs'),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             errors='surrogateescape').stdout
        # name -> [(rule, directories of run paths, file that was tried last)]
        found, order, name = {}, [], None
        for line in log.split('\n'):
            match = re.search(r'find library=(\S+) \[', line)
            if match:
                name, sought, rule = match[1], [], None
                order.append(name)
                found[name] = None
                continue
            if name is None:
                continue
            rule = next((ours for theirs, ours in RULES if theirs in line and 'search' in line), rule)
            match = re.search(r'trying file=(\S+)', line)
            if match:
                if rule in ('DT_RUNPATH', 'DT_RPATH') and not re.search(r'/(glibc-hwcaps|tls|haswell|x86_64|avx512_1)/', match[1]):
                    sought.append(os.path.dirname(match[1]))
                found[name] = rule, tuple(sought), match[1]
        for name in order:
            if not found[name]:
                continue
            rule, sought, file = found[name]
            text = output(MATR, 'why', '--library', '--format', 'json', program, name)
            if not text:
                differ(program, name, 'matr does not know it')
                continue
            answer = json.loads(text)
            places = [p['where'] for p in answer['sought_in'] if p['rule'] in ('DT_RUNPATH', 'DT_RPATH')]
            if (answer['found_by'], answer['found_as']) != (rule, file):
                differ(program, name, 'matr:', answer['found_by'], answer['found_as'], 'ld.so:', rule, file)
            # ld.so asks a directory that it knows not to exist no more, so that it may list fewer.
            elif [p for p in places if os.path.isdir(p)] != [p for p in sought if os.path.isdir(p)] and \
                    set(p for p in places if os.path.isdir(p)) != set(p for p in sought if os.path.isdir(p)):
                differ(program, name, 'matr sought in', places, 'ld.so in', sought)
            libraries += 1
            by_path += rule != 'ld.so.cache'
    print(f'{libraries} libraries, {by_path} of them not from ld.so.cache')
    return libraries


programs = [os.path.realpath(p) for p in sys.argv[4 if sys.argv[2] == 'why' else 3:]]
if sys.argv[2] == 'why':
    compared = check_why(programs, int(sys.argv[3]))
elif sys.argv[2] == 'library':
    compared = check_libraries(programs)
else:
    compared = check_shadowed(programs)
if differences > 20:
    print(f'and {differences - 20} more')
sys.exit(1 if differences or not compared else 0)
