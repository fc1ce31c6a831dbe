#!/usr/bin/env python3
"""Simulate hosts, and answer the questions of docs/fleet.md without a database.

usage: fleet.py hosts GOLDEN DIRECTORY NUMBER     exports of hosts that differ from it in a few packages
       fleet.py database EXPORT URL               the database has the rows of the export, and no others of its host
       fleet.py questions DIRECTORY GOLDEN FLEET.md URL    the queries of the document have the right answers
       fleet.py exposed JSON URL                  the same programs as `matr exposed` of this machine
"""
import glob
import hashlib
import json
import os
import re
import subprocess
import sys

from exports import raw, read


def digest(bindings, path):
    """Return the hash of a set of bindings."""
    text = b''.join(raw(b['symbol']) + b'\0' + raw(b['version']) + b'\0' + path[b['provider']] + b'\0' for b in bindings)
    return hashlib.blake2b(text, digest_size=20).hexdigest()


def hosts(golden, directory, number):
    """Of host N the packages N % 5 and N % 7 have another version, and an object of the first binds to a new symbol."""
    with open(golden, encoding='utf-8', newline='\n') as file:
        rows = [json.loads(line) for line in file]
    path = {row['id']: raw(row['path']) for row in rows if row['table'] == 'objects'}
    sets = {row['object'] for row in rows if row['table'] == 'binding_sets'}
    packages = sorted({row['package'] for row in rows if row['table'] == 'objects' and row['package'] and row['id'] in sets})
    libc = next(i for i, name in path.items() if name.endswith(b'/libc.so.6'))
    os.makedirs(directory)
    for n in range(1, int(number) + 1):
        changed = {packages[n % 5], packages[-1 - n % 7]}
        objects = {row['id'] for row in rows if row['table'] == 'objects' and row['package'] in changed and row['id'] in sets}
        rebound = min(i for i in objects if n % 3 == 0) if n % 3 == 0 else None
        bindings, written = [], 0
        with open(f'{directory}/host{n}.jsonl', 'w', encoding='utf-8', newline='\n') as file:
            for row in rows:
                row = dict(row, host=f'host{n}')
                if row['table'] == 'objects' and row['id'] in objects:
                    row.update(version=row['version'] + f'+u{n % 2}', build_id=f'{n % 2:02x}' + row['build_id'][2:])
                if row['table'] == 'bindings' and row['requester'] == rebound:
                    bindings.append(row)
                    continue
                if row['table'] == 'binding_sets' and row['object'] == rebound:
                    bindings.append(dict(bindings[0], symbol='fleet_new', version='', provider=libc))
                    bindings.sort(key=lambda b: (raw(b['symbol']), raw(b['version']), path[b['provider']]))
                    for binding in bindings:
                        file.write(json.dumps(binding) + '\n')
                    written += len(bindings)
                    row.update(bindings=len(bindings), hash=digest(bindings, path))
                if row['table'] == 'end':
                    row['rows'] = written
                file.write(json.dumps(row) + '\n')
                written += 1


def ask(url, query):
    """Return the rows as lists of strings."""
    done = subprocess.run(['psql', '-X', '-qAt', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', query],
                          stdout=subprocess.PIPE, check=True, encoding='utf-8')
    return [line.split('\t') for line in done.stdout.splitlines()]


def database(export, url):
    rows = read(export)
    host = rows['export'][0]['host']
    names = {row['id']: row['path'] for row in rows['objects']}
    got = ask(url, f"SELECT requester, symbol, version, provider FROM matr.current_bindings WHERE host = '{host}'")
    wanted = [[names[b['requester']], b['symbol'], b['version'], names[b['provider']]] for b in rows['bindings']]
    assert sorted(got) == sorted(wanted), (len(got), len(wanted))
    got = ask(url, f"SELECT path, build_id, package, version FROM matr.current_objects WHERE host = '{host}'")
    wanted = [[o['path'], o['build_id'] or '', o['package'] or '', o['version'] or ''] for o in rows['objects'] if o['id'] > 0]
    assert sorted(got) == sorted(wanted), (len(got), len(wanted))
    programs = {row['id']: row['path'] for row in rows['applications']}
    got = ask(url, "SELECT a.path, s.load, s.position, s.object, s.rule, s.loaded_by FROM matr.current_applications a"
              f" JOIN matr.scope s ON s.application = a.id WHERE a.host = '{host}'")
    wanted = [[programs[s['application']], s['load'], str(s['position']), names[s['object']], s['rule'],
               '' if s['loaded_by'] is None else str(s['loaded_by'])] for s in rows['scope']]
    assert sorted(got) == sorted(wanted), (len(got), len(wanted))
    got = ask(url, "SELECT d.path, d.reason FROM matr.declined d JOIN matr.current_exports e USING (state)"
              f" WHERE e.host = '{host}'")
    assert sorted(got) == sorted([d['path'], d['reason']] for d in rows.get('declined', ()))


def questions(directory, golden, document, url):
    with open(document, encoding='utf-8') as file:
        queries = re.findall(r'^-- (\S+): .*?\n(.*?;)$', file.read(), re.M | re.S)
    queries = dict(queries)
    machines = [read(file) for file in glob.glob(directory + '/*.jsonl') + [golden]]
    name = {id(m): m['export'][0]['host'] for m in machines}
    path = {id(m): {o['id']: o['path'] for o in m['objects']} for m in machines}
    first = next(m for m in machines if name[id(m)] == 'golden')

    def sets(machine):
        return {path[id(machine)][s['object']]: s['hash'] for s in machine['binding_sets']}

    def users(machine, symbol, library):
        paths = path[id(machine)]
        return {paths[b['requester']] for b in machine['bindings']
                if b['symbol'] == symbol and paths[b['provider']].split('/')[-1].startswith(library)}

    wanted = {
        'function': {(name[id(m)], r) for m in machines for r in users(m, 'fleet_new', 'libc.so.6')},
        'golden': {(name[id(m)], p) for m in machines for p, h in sets(m).items() if sets(first).get(p) != h},
        'package': {(name[id(m)], o['version']) for m in machines for o in m['objects'] if o['package'] == 'libc6'},
        'alike': {(str(len([m for m in machines if key(m) == k])),) for k in {key(m) for m in machines}},
        'since': {(name[id(m)], str(m['export'][0]['begun'])) for m in machines if users(m, 'fleet_new', 'libc.so.6')},
        'programs': {(name[id(m)], a['path']) for m in machines for a in m['applications']
                     if {path[id(m)][s['object']] for s in m['scope'] if s['application'] == a['id']} & users(m, 'fleet_new', 'libc.so.6')},
    }
    assert set(queries) == set(wanted), set(queries) ^ set(wanted)
    for question, query in queries.items():
        got = {tuple(row) for row in ask(url, query)}
        assert got == wanted[question], (question, sorted(got - wanted[question])[:3], sorted(wanted[question] - got)[:3])
        assert wanted[question], question
        print(question, len(got))


def key(machine):
    return tuple((o['path'], o['build_id'], o['version']) for o in machine['objects']) + tuple(
        s['hash'] for s in machine['binding_sets'])


def exposed(answer, url):
    with open(answer, encoding='utf-8') as file:
        wanted = {row['program'] for row in json.load(file)}
    got = {row[0] for row in ask(url, """
        SELECT DISTINCT a.path FROM matr.current_applications a JOIN matr.scope s ON s.application = a.id
        JOIN matr.current_bindings b ON b.host = a.host AND b.requester = s.object
        WHERE a.host = 'golden' AND b.provider ~ '/libz\\.so\\.1' AND b.requester <> b.provider""")}
    assert got == wanted and wanted, (got, wanted)


if __name__ == '__main__':
    globals()[sys.argv[1]](*sys.argv[2:])
