#!/usr/bin/env python3
"""Check exports without MatR: formats against each other and against `matr sql`, and make spoilt ones.

usage: exports.py same JSONL CSV-DIRECTORY SQLITE SQL-LOADED     the four formats have the same rows
       exports.py sql JSONL MATR          bindings, scopes and programs are those of `matr sql`
       exports.py since BASE DELTA WHOLE  what has changed, put on the base, is the whole
       exports.py bad JSONL OUT           write spoilt exports to the directory, and print for each a
                                          file name and what its error has to say
       exports.py get JSONL EXPRESSION    with `rows`, lists of dictionaries by table
"""
import csv
import json
import os
import re
import sqlite3
import subprocess
import sys


def raw(value):
    """Return a name's bytes, by the rule of docs/json.md."""
    if not isinstance(value, str):
        return value
    return b''.join(bytes([ord(c) - 0xef00]) if '\uef80' <= c <= '\uefff' else c.encode() for c in value)


def read(path):
    rows = {}
    with open(path, encoding='utf-8', newline='\n') as file:
        for line in file:
            row = json.loads(line)
            rows.setdefault(row.pop('table'), []).append(row)
    return rows


def key(row):
    return [(value is not None, isinstance(value, str), value or 0 if not isinstance(value, str) else value)
            for value in row]


def table(rows):
    return sorted((list(row.values()) for row in rows), key=key)


def same(jsonl, directory, sqlite, loaded):
    rows = read(jsonl)
    for name, wanted in rows.items():
        columns = list(wanted[0])
        for file in sqlite, loaded:
            db = sqlite3.connect(f'file:{file}?mode=ro', uri=True)
            got = sorted(map(list, db.execute(f'SELECT {",".join(columns)} FROM "{name}"')), key=key)
            assert got == table(wanted), (file, name)
        with open(f'{directory}/{name}.csv', encoding='utf-8', newline='') as file:
            text = file.read()
        got = list(csv.DictReader(text.splitlines(keepends=True)))
        as_csv = [{k: '' if v is None else str(v) for k, v in row.items()} for row in wanted]
        assert got == as_csv, (name, [pair for pair in zip(got, as_csv) if pair[0] != pair[1]][:2])
    assert rows['end'][0]['rows'] == sum(map(len, rows.values())) - 1


def query(matr, text, *options):
    done = subprocess.run([matr, 'sql', *options, '--format', 'json', '-s', text], stdout=subprocess.PIPE, check=True)
    return [tuple(raw(value) for value in row.values()) for row in json.loads(done.stdout)]


def sql(jsonl, matr):
    rows = read(jsonl)
    path = {row['id']: raw(row['path']) for row in rows['objects']}
    got = {(path[row['requester']], raw(row['symbol']), raw(row['version']), path[row['provider']])
           for row in rows['bindings']}
    wanted = set(query(matr, ' UNION '.join(
        "SELECT requester, symbol, coalesce(version, '') AS version,"
        f" CASE binding WHEN 'bound' THEN provider ELSE binding END AS provider FROM {name}"
        for name in ('bindings', 'closure_bindings'))))
    assert len(got) == len(rows['bindings'])
    assert got == wanted, (sorted(got - wanted)[:3], sorted(wanted - got)[:3])
    programs = {row['id']: raw(row['path']) for row in rows['applications']}
    got = [(programs[row['application']], row['position'], path[row['object']]) for row in rows['scope'] if row['load'] == '']
    wanted = query(matr, 'SELECT application, position, object FROM scopes')
    assert sorted(got) == sorted(wanted), (sorted(got)[:3], sorted(wanted)[:3])
    build_ids = dict(query(matr, 'SELECT path, build_id FROM objects'))
    for row in rows['objects']:
        assert row['id'] < 1 or raw(row['build_id']) == build_ids[raw(row['path'])], row


def since(base, delta, whole):
    base, delta, whole = read(base), read(delta), read(whole)
    assert delta['export'][0]['since'] == base['export'][0]['epoch']
    gone = {(row['kind'], row['id']) for row in delta.get('removed', ())}
    there = {row['id'] for row in delta.get('applications', ())}

    def strip(rows):
        return sorted((tuple(v for k, v in row.items() if k != 'epoch') for row in rows), key=key)

    def merged(name, column, kind, replaced):
        kept = [row for row in base[name] if row[column] not in replaced and (kind, row[column]) not in gone]
        return strip(kept + delta.get(name, []))

    assert merged('applications', 'id', 'application', there) == strip(whole['applications'])
    assert merged('scope', 'application', 'application', there) == strip(whole['scope'])
    replaced = {row['object'] for row in delta.get('binding_sets', ())}
    assert merged('binding_sets', 'object', 'object', replaced) == strip(whole['binding_sets'])
    assert merged('bindings', 'requester', 'object', replaced) == strip(whole['bindings'])
    assert strip(delta['objects']) == strip(whole['objects'])
    assert len(delta['bindings']) < len(whole['bindings']) / 2


def bad(jsonl, out):
    with open(jsonl, 'rb') as file:
        data = file.read()
    lines = data.splitlines(keepends=True)
    os.makedirs(out)
    number = 0

    def put(what, content):
        nonlocal number
        number += 1
        with open(f'{out}/{number:03}.jsonl', 'wb') as file:
            file.write(content if isinstance(content, bytes) else b''.join(content))
        print(f'{number:03}.jsonl\t{what}')

    def first(name):
        return next(i for i, line in enumerate(lines) if line.startswith(b'{"table":"%s"' % name))

    for part in range(1, 40):  # anywhere: in a line, in a name, in the last line
        put('is cut off|rows are missing|is no export', data[:len(data) * part // 40])
    put('cut off', data[:-1])
    put('cut off', lines[:-1])
    put('is empty', b'')
    put('begins another export|behind the end', lines + lines)
    put('format 2', [lines[0].replace(b'"format":1', b'"format":2')] + lines[1:])
    put('format 7', [lines[0].replace(b'"format":1', b'"format":7,"new":1')] + lines[1:])
    put('no export', lines[1:])
    binding, objects, sets = first(b'bindings'), first(b'objects'), first(b'binding_sets')
    put('twice', lines[:binding] + [lines[binding]] + lines[binding:])
    put('twice', lines[:objects] + [lines[objects]] + lines[objects:])
    put('out of order', lines[:objects] + lines[objects + 1:objects + 2] + [lines[objects]] + lines[objects + 2:])
    put('order', lines[:-2] + [lines[objects]] + lines[-2:])
    put('out of order|twice', lines[:sets + 1] + lines[binding:sets + 1] + lines[sets + 1:])
    put('not the set', lines[:binding] + lines[binding + 1:])
    put('not the set', lines[:binding] + [re.sub(rb'"symbol":"', b'"symbol":"!', lines[binding])] + lines[binding + 1:])
    put('before the set|set', lines[:sets] + lines[sets + 1:])
    put('does not have', [re.sub(rb'"provider":-?\d+', b'"provider":999999', line) if i == binding else line
                          for i, line in enumerate(lines)])
    put('another host', [line.replace(b'"host":"', b'"host":"x') if i == binding else line for i, line in enumerate(lines)])
    declined = [i for i, line in enumerate(lines) if line.startswith(b'{"table":"applications"')][-1]
    put('rows are missing|does not have', lines[:declined] + lines[declined + 1:])
    for old, new in ((b'"size":', b'"size":"x'), (b'"path":"', b'"path":"\\u0000'), (b'"path":"', b'"path":"\xff'),
                     (b'"path":"', b'"path":"\\q'), (b'"id":', b'"id":1e3,"z":'), (b'"id":', b'"id":99999999999999999999'),
                     (b'}', b'} x'), (b'"path"', b'"path":"a","path"'), (b'"path":', b'"way":')):
        put('line %d ' % (objects + 1), lines[:objects] + [lines[objects].replace(old, new, 1)] + lines[objects + 1:])
    put('host name', [line.replace(b'"host":"', b'"host":"\\n') for line in lines])
    put('is an SQLite database', b'SQLite format 3\0' + data)


def get(jsonl, expression):
    rows = read(jsonl)
    path = {row['id']: raw(row['path']) for row in rows.get('objects', ())}
    result = eval(expression, {'rows': rows, 'path': path, 'raw': raw})
    assert result, (expression, str(result)[:300])


if __name__ == '__main__':
    globals()[sys.argv[1]](*sys.argv[2:])
