"""Archives that mean harm: each is refused, in little time and memory, and by name."""

from __future__ import annotations

import stat
import time
import tracemalloc
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from huidu.model.errors import InvalidValue
from huidu.store.archive import Limits
from huidu.store.packages import Packages
from huidu.store.unzip import CENTRAL, CHUNK, END, LOCAL, check

GIGABYTE = 10**9
FILE, LINK, DIRECTORY = stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755


@dataclass(frozen=True, kw_only=True)
class Made:
    """An entry of a hand-made archive: it can say anything."""

    name: bytes = b"index.py"
    held: bytes = b"x"  #: The bytes as they lie in the archive.
    mode: int = FILE
    system: int = 3
    flags: int = 0
    method: int = 0
    size: int | None = None
    packed: int | None = None
    crc: int | None = None
    extra: bytes = b""
    own_name: bytes | None = None  #: What its local header says.
    own_flags: int | None = None
    own_method: int | None = None
    head: int | None = None  #: Where the directory says it lies; its bytes are then left out.

    def row(self, at: int) -> bytes:
        return (
            CENTRAL.pack(
                b"PK\1\2",
                self.system,
                self.flags,
                self.method,
                zlib.crc32(self.held) if self.crc is None else self.crc,
                len(self.held) if self.packed is None else self.packed,
                len(self.held) if self.size is None else self.size,
                len(self.name),
                len(self.extra),
                0,
                self.mode << 16,
                at if self.head is None else self.head,
            )
            + self.name
            + self.extra
        )

    def local(self) -> bytes:
        name = self.name if self.own_name is None else self.own_name
        flags = self.flags if self.own_flags is None else self.own_flags
        method = self.method if self.own_method is None else self.own_method
        return LOCAL.pack(b"PK\3\4", flags, method, len(name), 0) + name + self.held


def end(count: int, size: int, start: int, note: bytes = b"") -> bytes:
    return END.pack(b"PK\5\6", 0, 0, count, count, size, start, len(note)) + note


def body(*entries: Made) -> tuple[bytes, bytes]:
    """The files of an archive, and their directory."""
    files, rows = bytearray(), bytearray()
    for entry in entries:
        rows += entry.row(len(files))
        files += entry.local() if entry.head is None else b""
    return bytes(files), bytes(rows)


def archive(*entries: Made) -> bytes:
    files, rows = body(*entries)
    return files + rows + end(len(entries), len(rows), len(files))


def link(name: str, target: str) -> Made:
    return Made(name=name.encode(), held=target.encode(), mode=LINK)


def deflated(content: bytes, name: bytes = b"big") -> Made:
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    held = engine.compress(content) + engine.flush()
    return Made(name=name, held=held, method=8, size=len(content), crc=zlib.crc32(content))


def zeros(gigabytes: int) -> bytes:
    """A deflate stream of that many zeros, a thousandth as long and quickly made."""
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    first = engine.compress(bytes(10**6)) + engine.flush(zlib.Z_FULL_FLUSH)
    again = engine.compress(bytes(10**6)) + engine.flush(zlib.Z_FULL_FLUSH)
    return first + again * (gigabytes * 1000 - 1) + engine.flush()


def refused(zip_bytes: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(InvalidValue) as no:
        check(zip_bytes, limits or Limits())
    assert no.value.code == "InvalidParameterValue.ZipFile"
    assert no.value.message.startswith("ZipFile: ")
    return no.value.message


def check_cheaply(zip_bytes: bytes, megabytes: int = 8) -> str:
    """Refuse an archive in little time and little memory."""
    tracemalloc.start()
    try:
        began = time.process_time()
        why = refused(zip_bytes)
        assert time.process_time() - began < 6
        assert tracemalloc.get_traced_memory()[1] < megabytes * 2**20
    finally:
        tracemalloc.stop()
    return why


GOOD = archive(
    Made(),
    Made(name=b"lib/", held=b"", mode=DIRECTORY),
    link("lib/first", "../index.py"),
    deflated(b"y" * 300, b"lib/second"),
)


def test_a_hand_made_archive_that_tells_no_lie_is_taken() -> None:
    found = check(GOOD)

    assert [entry.path for entry in found.entries] == ["index.py", "lib", "lib/first", "lib/second"]
    assert found.targets == {"lib/first": "../index.py"}
    assert found.size_bytes == 1 + 11 + 300


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (b"../x", "'..'"),
        (b"a/../../x", "'..'"),
        (b"..", "'..'"),
        (b".", "'.'"),
        (b"a/./b", "'.'"),
        (b"a//b", "empty"),
        (b"a//", "empty"),
        (b".//etc/passwd", "empty"),
        (b"/", "absolute"),
        (b"/etc/passwd", "absolute"),
        (b"C:/Windows/x", "absolute"),
        (b"c:x", "absolute"),
        (b"a\\b", "backslash"),
        (b"index.py\0.txt", "control character"),
        (b"a\x7fb", "control character"),
        ("a\x9bb".encode(), "control character"),
        ("中文.py".encode("gbk"), "UTF-8"),
        (b"\xed\xa0\x80", "UTF-8"),
        (b"", "no name"),
        (b"a" * 256, "255 bytes"),
        ("中".encode() * 86, "255 bytes"),
        (b"a/" * 100 + b"a", "101 parts"),
        (b"/".join([b"abcdefghi"] * 103), "1029 bytes of path"),
    ],
)
def test_a_path_that_is_not_plain_is_refused(name: bytes, why: str) -> None:
    mode = DIRECTORY if name.endswith(b"/") else FILE

    assert why in refused(archive(Made(), Made(name=name, held=b"", mode=mode)))


def test_a_refusal_names_the_entry_but_not_all_of_a_long_one() -> None:
    assert "entry '../x': " in refused(archive(Made(name=b"../x")))
    assert len(refused(archive(Made(name=b"\n" * 60_000)))) < 250


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([Made(), Made()], "twice"),
        ([Made(name=b"a/", held=b"", mode=DIRECTORY)] * 2 + [Made()], "twice"),
        ([Made(name=b"./a"), Made(name=b"a")], "twice"),
        ([Made(name=b"a"), link("a", "b")], "twice"),
        ([Made(name=b"a"), Made(name=b"a/b")], "'a' is a file"),
        ([Made(name=b"a/b"), Made(name=b"a")], "both a directory and not"),
        ([Made(name=b"a"), Made(name=b"a/", held=b"", mode=DIRECTORY)], "twice"),
        ([link("a", "/tmp"), Made(name=b"a/b")], "'a' is a symbolic link"),
        ([link("a", "."), Made(name=b"a/b")], "'a' is a symbolic link"),
        ([Made(name=b"a/b"), link("a", ".")], "both a directory and not"),
    ],
)
def test_entries_that_get_in_each_others_way_are_refused(entries: list[Made], why: str) -> None:
    assert why in refused(archive(*entries))


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        (b"disk", stat.S_IFBLK | 0o644),
        (b"null", stat.S_IFCHR | 0o644),
        (b"pipe", stat.S_IFIFO | 0o644),
        (b"door", stat.S_IFSOCK | 0o644),
        (b"odd", 0o150000),
        (b"directory", DIRECTORY),
        (b"link/", LINK),
        (b"file/", FILE),
    ],
)
def test_only_files_directories_and_links_are_let_in(name: bytes, mode: int) -> None:
    assert f"mode {mode:o}" in refused(archive(Made(name=name, held=b"", mode=mode)))


def test_a_directory_that_holds_bytes_is_refused() -> None:
    assert "holds bytes" in refused(archive(Made(name=b"a/", mode=DIRECTORY)))


@pytest.mark.parametrize(
    ("links", "why"),
    [
        ({"a": "/etc/passwd"}, "absolute"),
        ({"a": ""}, "absolute"),
        ({"a": "../x"}, "out of the package"),
        ({"a": "x/../../y"}, "out of the package"),
        ({"d/a": "../.."}, "out of the package"),
        ({"d/a": "nowhere/../../../x"}, "out of the package"),
        ({"a": "index.py/../.."}, "out of the package"),
        # Read as text it stays inside; the kernel would walk through `up` and out.
        ({"d/up": "..", "a": "d/up/../x"}, "out of the package"),
        ({"d/e/up": "../..", "a": "d/e/up/..", "b": "a"}, "out of the package"),
        ({"a": "b/../x", "b": "c", "c": "."}, "out of the package"),
        ({"a": "a"}, "never ends"),
        ({"a": "a/b"}, "never ends"),
        ({"a": "b", "b": "a"}, "never ends"),
        ({f"l{n}": f"l{n + 1}" for n in range(41)}, "never ends"),
        ({"a": "b\\c"}, "backslash"),
        ({"a": "b\nc"}, "control character"),
        ({"a": "b\0c"}, "control character"),
        ({"a": "b" * 1025}, "1025 bytes"),
    ],
)
def test_a_link_that_leaves_the_package_or_never_ends_is_refused(
    links: dict[str, str], why: str
) -> None:
    assert why in refused(archive(Made(), *(link(*one) for one in links.items())))
    assert why in refused(archive(*(link(*one) for one in reversed(links.items())), Made()))


def test_a_link_to_what_is_not_utf8_is_refused() -> None:
    assert "UTF-8" in refused(archive(Made(), Made(name=b"a", held=b"\xff", mode=LINK)))


@pytest.mark.parametrize(
    "links",
    [
        {"a": "index.py"},
        {"a": "."},
        {"d/a": ".."},
        {"d/a": "../nowhere/at/../all"},
        {"d/up": "..", "a": "d/up/x"},
        {"b": "d//e/./f/", "d/e/f": "../../index.py"},
        {f"l{n}": f"l{n + 1}" for n in range(40)},
    ],
)
def test_a_link_that_stays_inside_is_taken(links: dict[str, str]) -> None:
    zip_bytes = archive(Made(), *(link(*one) for one in links.items()))

    assert check(zip_bytes).targets == links


def test_a_maze_of_links_is_given_up_soon() -> None:
    maze = archive(Made(), *(link(f"{n}", "./" * 500) for n in range(10_000)))

    assert "too winding" in check_cheaply(maze, megabytes=32)


def fifield(files: int) -> bytes:
    """Overlapping files, as David Fifield quotes them: each one's bytes begin with the next."""
    names = [b"%d" % n for n in range(files)]
    inner = b""
    entries: list[Made] = []
    for name in reversed(names):
        entries.insert(0, Made(name=name, held=inner or b"kernel"))
        inner = entries[0].local()
    heads = [inner.index(entry.local()) for entry in entries]
    rows = b"".join(entry.row(head) for entry, head in zip(entries, heads, strict=True))
    return inner + rows + end(files, len(rows), len(inner))


def test_files_that_share_bytes_are_refused() -> None:
    assert "shares bytes" in refused(fifield(2))
    assert "shares bytes" in refused(fifield(200))
    assert "shares bytes" in refused(archive(Made(), Made(head=0)))
    long = Made(name=b"one byte longer", packed=2, size=2, crc=zlib.crc32(b"xP"))
    assert "shares bytes" in refused(archive(long, Made()))
    assert "own header" in refused(archive(Made(), Made(name=b"other", head=0)))


#: The word `good` and much of nothing, in blocks that end just where a chunk does.
EXACT = b"\0\4\0\xfb\xffgood" + b"\0\0\0\xff\xff" * (CHUNK // 5 - 2) + b"\1\0\0\xff\xff"


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (Made(flags=0x1), "encrypted"),
        (Made(flags=0x40), "encrypted"),
        (Made(flags=0x2000), "encrypted"),
        (Made(own_flags=0x1), "own header"),
        (Made(method=12), "method 12"),
        (Made(method=14), "method 14"),
        (Made(own_method=8), "own header"),
        (Made(own_name=b"other.py"), "own header"),
        (Made(crc=1), "CRC-32"),
        (Made(packed=5000), "outside"),
        (Made(packed=2, size=2, crc=zlib.crc32(b"xP")), "outside"),
        (Made(head=5000), "outside"),
        (Made(head=2**32 - 1), "damaged"),
        (Made(head=2**32 - 1, extra=b"\1\0\x08\0" + b"\xff" * 8), "outside"),
        (Made(size=2**32 - 1, extra=b"\1\0\x04\0" + b"\1" * 4), "bytes unpacked"),
        (Made(size=2**32 - 1, extra=b"\1\0\x08\0" + b"\1"), "bytes unpacked"),
        (Made(size=2**32 - 1, extra=b"\2\0\0\0" * 70), "damaged"),
        (Made(size=2**32 - 1, extra=b"\2\0\0\0" * 70 + b"\1\0\x08\0\1" + bytes(7)), "damaged"),
        (Made(size=2, packed=1), "claims 2 bytes and holds 1;"),
        (Made(size=0, packed=1), "claims 0 bytes and holds more;"),
        (Made(method=8, held=b""), "end too early"),
        (Made(method=8, held=b"\xff\xff\xff"), "invalid"),
        (Made(method=8, held=deflated(b"abc" * 99).held[:-3], size=297), "end too early"),
        (Made(method=8, held=deflated(b"").held + b"more", size=0, crc=0), "bytes follow"),
        (Made(method=8, held=EXACT + b"more", size=4, crc=zlib.crc32(b"good")), "bytes follow"),
    ],
)
def test_an_entry_that_cannot_be_trusted_is_refused(entry: Made, why: str) -> None:
    assert why in refused(archive(Made(name=b"first"), entry))


@pytest.mark.parametrize("claimed", [0, 100, 499 * 2**20])
def test_a_bomb_that_lies_about_its_size_stops_where_the_lie_does(claimed: int) -> None:
    bomb = archive(Made(), Made(name=b"bomb", held=zeros(10), method=8, size=claimed))

    assert f"claims {claimed} bytes and holds more" in check_cheaply(bomb)


def test_a_bomb_that_tells_its_size_is_not_even_opened() -> None:
    extra = b"\1\0\x08\0" + (10 * GIGABYTE).to_bytes(8, "little")
    bomb = archive(Made(name=b"bomb", held=zeros(10), method=8, size=2**32 - 1, extra=extra))

    assert f"{10 * GIGABYTE} bytes unpacked" in check_cheaply(bomb)


def test_many_small_bombs_are_one_large_one() -> None:
    bomb = zeros(1)
    entries = [Made(name=b"%d" % n, held=bomb, method=8, size=GIGABYTE // 10) for n in range(6)]

    assert "600000000 bytes unpacked" in check_cheaply(archive(*entries))


def test_much_of_nothing_is_no_bomb() -> None:
    assert check(archive(deflated(bytes(100 * 2**20)))).size_bytes == 100 * 2**20


def test_a_crowd_is_refused_before_it_is_read() -> None:
    row = Made(name=b"x" * 30).row(0)
    crowd = row * 120_000 + end(0xFFFF, 120_000 * len(row), 0)

    assert "65535 entries; a package has at most 20000" in check_cheaply(crowd)


def test_a_crowd_that_makes_itself_small_is_not_read_either() -> None:
    few = [Made(name=b"%d" % n) for n in range(3)]
    files, rows = body(*few)
    rows += few[0].row(0) * 120_000

    assert "more than it counts" in check_cheaply(files + rows + end(3, len(rows), len(files)))


def test_paths_that_make_a_crowd_of_directories_are_refused() -> None:
    deep = [Made(name=b"%d/" % n + b"d/" * 90 + b"x") for n in range(300)]

    assert "over 20000 directories" in refused(archive(*deep))


def test_an_archive_over_its_limits_is_refused() -> None:
    assert "at most 10" in refused(GOOD, Limits(zip_bytes=10))
    assert "at most 311" in refused(GOOD, Limits(unpacked_bytes=311))
    assert "at most 3" in refused(GOOD, Limits(entries=3))
    assert check(GOOD, Limits(unpacked_bytes=312, entries=4, zip_bytes=len(GOOD)))


def test_a_refused_package_leaves_no_trace(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    for hostile in (b"", archive(Made(name=b"../x")), fifield(3), archive(Made(crc=1))):
        with pytest.raises(InvalidValue):
            packages.keep(hostile)

    assert {place.name for place in tmp_path.rglob("*")} == {"aside", "tree", "zip"}
