#!/usr/bin/env python3
"""Simulate hosts, and answer the questions of docs/fleet.md without a database.

usage: fleet.py hosts GOLDEN DIRECTORY NUMBER     exports of hosts that differ from it in a few packages
       fleet.py database EXPORT URL               the database has the rows of the export, and no others of its host
       fleet.py questions DIRECTORY GOLDEN FLEET.md URL    the queries of the document have the right answers
       fleet.py exposed JSON URL                  the same programs as `matr exposed` of this machine
       fleet.py stores FLEET.md URL GOLDEN DIRECTORY MACHINE...    the queries have the answers of each machine's own
                                                  store: DIRECTORY/MACHINE/matr.sh is its matr, .../run a command there
"""
import csv
import glob
import hashlib
import io
import json
import os
import re
import subprocess
import sys
from collections import Counter

from exports import query, raw, read


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
    done = subprocess.run(['psql', '-X', '-qt', '--csv', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', query],
                          stdout=subprocess.PIPE, check=True)
    return list(csv.reader(io.StringIO(done.stdout.decode(), newline='')))


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


def document_queries(document):
    """Return the queries of docs/fleet.md by name."""
    with open(document, encoding='utf-8') as file:
        return dict(re.findall(r'^-- (\S+): .*?\n(.*?;)$', file.read(), re.M | re.S))


def compare(queries, url, wanted):
    """Each query has the wanted rows (sorted lists of tuples), which are some."""
    assert set(queries) == set(wanted), set(queries) ^ set(wanted)
    for question, text in queries.items():
        got = sorted(tuple(row) for row in ask(url, text))
        right = sorted(wanted[question])
        assert got == right, (question, len(got), len(right), sorted(set(got) - set(right))[:3], sorted(set(right) - set(got))[:3])
        assert right, question
        print(question, len(got))


def questions(directory, golden, document, url):
    queries = document_queries(document)
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
        'alike': [(str(n),) for n in Counter(map(key, machines)).values()],
        'since': {(name[id(m)], str(m['export'][0]['begun'])) for m in machines if users(m, 'fleet_new', 'libc.so.6')},
        'programs': {(name[id(m)], a['path']) for m in machines for a in m['applications']
                     if {path[id(m)][s['object']] for s in m['scope'] if s['application'] == a['id']} & users(m, 'fleet_new', 'libc.so.6')},
    }
    compare(queries, url, wanted)


def key(machine):
    return tuple((o['path'], o['build_id'], o['version']) for o in machine['objects']) + tuple(
        s['hash'] for s in machine['binding_sets'])


class Store:
    """A machine's own answers: of `matr sql` on its store, and of dpkg."""

    def __init__(self, directory, name):
        self.name, self.matr, self.run = name, f'{directory}/{name}/matr.sh', f'{directory}/{name}/run'
        self.bindings = {}
        for path, *binding in self.query(' UNION '.join(
                "SELECT requester, symbol, coalesce(version, '') AS version,"
                f" CASE binding WHEN 'bound' THEN provider ELSE binding END AS provider FROM {table}"
                for table in ('bindings', 'closure_bindings'))):
            self.bindings.setdefault(path, set()).add(tuple(binding))
        self.objects = dict(self.query('SELECT path, build_id FROM objects'))

    def query(self, text, *options):
        return [tuple(v.decode() if isinstance(v, bytes) else v for v in row) for row in query(self.matr, text, *options)]

    def users(self, symbol, library):
        return {path for path, bindings in self.bindings.items()
                if any(b[0] == symbol and b[2].endswith(library) for b in bindings)}

    def programs(self, objects):
        return {application for application, path in self.query(
            'SELECT application, object FROM scopes UNION SELECT application, object FROM closure_scopes') if path in objects}

    def since(self, symbol, library):
        """Return when the first epoch began in which an object binds so; None: none did."""
        return min((begun for (begun,) in self.query(' UNION '.join(
            f"""SELECT strftime('%s', e.begun) AS begun FROM {table} b JOIN epochs e ON e.id = b.epoch
                WHERE b.symbol = '{symbol}' AND b.provider LIKE '%{library}'"""
            for table in ('bindings', 'closure_bindings')), '--all-epochs')), default=None)

    def package(self, package):
        done = subprocess.run([self.run, 'dpkg-query', '-W', '-f', '${Version}', package], stdout=subprocess.PIPE, check=True,
                              encoding='utf-8')
        return done.stdout


def stores(document, url, golden, directory, *names):
    symbol, library = '__isoc23_strtol', '/libc.so.6'  # of glibc 2.38 and later
    queries = {name: text.replace('fleet_new', symbol).replace("'golden'", f"'{golden}'")
               for name, text in document_queries(document).items()}
    machines = [Store(directory, name) for name in names]
    first = next(m for m in machines if m.name == golden)
    compare(queries, url, {
        'function': [(m.name, path) for m in machines for path in m.users(symbol, library)],
        'programs': [(m.name, path) for m in machines for path in m.programs(m.users(symbol, library))],
        'since': [(m.name, m.since(symbol, library)) for m in machines if m.since(symbol, library)],
        'golden': [(m.name, path) for m in machines for path, bindings in m.bindings.items() if first.bindings.get(path) != bindings],
        'package': [(m.name, m.package('libc6')) for m in machines],
        'alike': [(str(n),) for n in Counter(repr((sorted(m.objects.items()), sorted(m.query(
            'SELECT application, position, object FROM scopes')))) for m in machines).values()],
    })
    for m in machines:
        done = subprocess.run([m.matr, 'exposed', '--library', 'libz.so.1', '--format', 'json'], stdout=subprocess.PIPE, check=True)
        exposed_by(json.loads(done.stdout), url, m.name)


def exposed(answer, url):
    with open(answer, encoding='utf-8') as file:
        exposed_by(json.load(file), url, 'golden')


def exposed_by(rows, url, host):
    wanted = {row['program'] for row in rows}
    got = {row[0] for row in ask(url, f"""
        SELECT DISTINCT a.path FROM matr.current_applications a JOIN matr.scope s ON s.application = a.id
        JOIN matr.current_bindings b ON b.host = a.host AND b.requester = s.object
        WHERE a.host = '{host}' AND b.provider ~ '/libz\\.so\\.1' AND b.requester <> b.provider""")}
    assert got == wanted and wanted, (got, wanted)


if __name__ == '__main__':
    globals()[sys.argv[1]](*sys.argv[2:])
