"""Running matr, and what a prefix holds, for tests in Python."""
import hashlib, os, pathlib, sqlite3, subprocess


ALONE = ["unshare", "-rmpf", "--mount-proc", "sh", "-c", '"$@"; exit $?', "sh"] # a shell, and the command
if subprocess.run([*ALONE, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
    ALONE = []


def command_line(matr, arguments):
    """The command with its arguments. `running` is about the machine's processes, which come and go: it gets a PID namespace
    in which there is a shell besides."""
    return [*(ALONE if arguments and arguments[0] == "running" else []), matr, *arguments]


def run(matr, *arguments, **how):
    """(exit status, standard output, standard error) of a command without input; None: it hangs. how: for subprocess.run()."""
    how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 60, **how}
    try:
        done = subprocess.run([matr, *arguments], **how)
    except subprocess.TimeoutExpired as late:
        return None, *((text or b"").decode(errors="replace") for text in (late.stdout, late.stderr))
    return done.returncode, *((text or b"").decode(errors="replace") for text in (done.stdout, done.stderr))


def state(prefix):
    """What may not change: what is in the store, and every other file of the prefix."""
    prefix = pathlib.Path(prefix)
    contents = "none"
    if (prefix / "store.db").exists():
        database = sqlite3.connect(f"file:{prefix}/store.db?mode=ro", uri=True)
        contents = hashlib.sha256("\n".join(database.iterdump()).encode()).hexdigest()
        database.close()
    names = sorted(p for p in prefix.rglob("*") if p.is_file() and "store.db" not in p.name and "lock" not in p.name)
    return [("store.db", contents)] + [(str(p), hashlib.sha256(p.read_bytes()).hexdigest()) for p in names]


def stamp(directory):
    """The same by names, sizes and times: quick, and for directories that are no prefix. The store's journal comes and goes
    with its readers, and the lock's times with those who take it."""
    found = []
    for place, names, files in os.walk(directory):
        for name in names + files:
            path = os.path.join(place, name)
            status = os.lstat(path)
            if name not in ("store.db-wal", "store.db-shm", "lock") and not name.endswith(".sock"):
                times = () if name in names else (status.st_size, status.st_mtime_ns)
                found.append((path, status.st_ino, status.st_mode, status.st_uid, *times))
    return sorted(found)
