"""Reads the declarations of libmatr's public headers, as the preprocessor gives them."""
import os
import re
import subprocess

INCLUDE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "libmatr/include")

TOKEN = re.compile(r"""[A-Za-z_]\w* | 0[xX][0-9a-fA-F]+\w* | \d[\w.]* | "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | \S""", re.X)
BRACKETS = {"(": ")", "[": "]", "{": "}"}


def headers():
    """All public headers, as #include has them."""
    return sorted(f"matr/{name}" for name in os.listdir(os.path.join(INCLUDE, "matr")) if name.endswith(".h"))


def preprocess(compiler, text, *options):
    """The text with its headers, by the header that each line comes from: {"matr/x.h": "..."}."""
    output = subprocess.run([compiler, "-E", "-I", INCLUDE, *options, "-x", "c", "-"], input=text, check=True,
                            stdout=subprocess.PIPE, encoding="utf-8").stdout
    parts, header = {}, None
    for line in output.splitlines():
        marker = re.match(r'#\s*(?:line\s+)?\d+\s+"([^"]*)"', line)
        if marker:
            path = marker.group(1)
            inside = path.startswith(INCLUDE + os.sep)
            header = os.path.relpath(path, INCLUDE) if inside else None
        elif header:
            parts.setdefault(header, []).append(line)
    return {name: "\n".join(lines) for name, lines in parts.items()}


def group(tokens, i):
    """The index behind the bracket that closes the one at tokens[i]."""
    closing = [BRACKETS[tokens[i]]]
    while closing:
        i += 1
        if tokens[i] == closing[-1]:
            closing.pop()
        elif tokens[i] in BRACKETS:
            closing.append(BRACKETS[tokens[i]])
    return i + 1


def statements(tokens):
    """Split at the ends of declarations and function bodies. Groups in brackets stay whole, as lists."""
    current, i = [], 0
    while i < len(tokens):
        if tokens[i] in BRACKETS:
            end = group(tokens, i)
            current.append(tokens[i:end])
            body = tokens[i] == "{" and len(current) > 1 and current[-2][0] == "("
            i = end
            if not body:
                continue
        elif tokens[i] != ";":
            current.append(tokens[i])
            i += 1
            continue
        else:
            i += 1
        yield current
        current = []
    assert not current, f"no end: {current}"


def without_attributes(statement):
    words = []
    for token in statement:
        if words and words[-1] in ("__attribute__", "__asm__", "_Alignas"):
            words.pop()
            assert isinstance(token, list), statement
        elif token != "__extension__":
            words.append(token)
    return words


def declarator(words):
    """The name in `int f(int)`, `*p[2]` or `int (*p)(int)`."""
    for i, token in enumerate(words):
        if isinstance(token, list) and token[0] == "(":
            return token[2] if token[1] == "*" else words[i - 1]
    return next(token for token in reversed(words) if not isinstance(token, list))


def declared(statement):
    """The names with external linkage in one declaration."""
    words = without_attributes(statement)
    if not words or words[0] in ("typedef", "static", "_Static_assert"):
        return []
    functions = any(isinstance(token, list) and token[0] == "(" for token in words)
    if words[0] in ("struct", "union", "enum") and not functions and \
            len([token for token in words[1:] if not isinstance(token, list)]) < 2:
        return []  # the type alone
    parts, current = [], []
    for token in words + [","]:
        if token == ",":
            parts.append(declarator(current))
            current = []
        else:
            current.append(token)
    return parts


def declarations(text):
    """The functions and variables with external linkage that a preprocessed C text declares, in order."""
    return [name for statement in statements(TOKEN.findall(text)) for name in declared(statement)]
