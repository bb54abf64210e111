"""Recognise files that should hold weights and do not; advise the command that makes a state dict of them."""

from __future__ import annotations

import io
import json
import pickletools
import shlex
import tarfile
import zipfile
from pathlib import PurePath

PAGE = "not a checkpoint: the download gave {} instead; download it again"
STARTS = {
    b"version https://git-lfs.github.com/spec/": "a Git LFS pointer, not the file itself; get it by: git lfs pull",
    b"<!doctype html": PAGE.format("an HTML page"),
    b"<html": PAGE.format("an HTML page"),
    b"<?xml": PAGE.format("an XML page"),
    b"\x1f\x8b": "gzip-compressed; unpack it first",
    b"\x89hdf\r\n": "an HDF5 file, not a checkpoint of torch",
    b"{": "JSON text, not a checkpoint; if it is the index of several files, join them into one",
}
"""First bytes of a file, in lower case, after white space → what it is, with advice."""

MAPPINGS = ("collections.OrderedDict", "collections.defaultdict")


def other_format(content: bytes) -> str | None:
    """Return what a file is, with advice, if it is known not to be from torch; ``None`` if it may be."""
    start = content[:200].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for begin, kind in STARTS.items():
        if start.startswith(begin):
            return kind
    file = io.BytesIO(content)
    if content[257:262] == b"ustar" and tarfile.is_tarfile(file):
        return "a tar archive, not a checkpoint; unpack it and name the file in it"
    if zipfile.is_zipfile(file):
        names = zipfile.ZipFile(file).namelist()
        if not any(PurePath(name).name == "data.pkl" for name in names):
            return f"a zip archive without a checkpoint of torch; it holds {names[0] if names else 'nothing'}"
    return None


def is_safetensors(content: bytes) -> bool:
    """Return whether a file starts like safetensors: the length of a JSON header, then the header."""
    return content[8:9] == b"{" and int.from_bytes(content[:8], "little") <= max(len(content), 100_000_000)


def script_advice(content: bytes, name: str) -> str | None:
    """Return the command that makes a state dict from a TorchScript archive; ``None`` for any other file."""
    file = io.BytesIO(content)
    if not zipfile.is_zipfile(file):
        return None
    if not any(PurePath(entry).name == "constants.pkl" for entry in zipfile.ZipFile(file).namelist()):
        return None
    return _command(f'torch.save(torch.jit.load({json.dumps(name)}, map_location="cpu").state_dict(), {_new(name)})')


def objects_advice(content: bytes, name: str) -> str:
    """Return what a file of torch holds in addition to tensors, and the command that keeps only the tensors.

    The command unpickles the file, which runs code that the file names: the user has to decide this.
    """
    root = _root_class(content)
    if root is None or root in MAPPINGS:
        kind = "holds Python objects in addition to its tensors, which are not read"
    else:
        kind = f"is a whole pickled object of {root}, not a state dict"
    keep = (
        "f = lambda v: {k: f(w) for k, w in v.items()} if isinstance(v, dict) else "
        'v.state_dict() if hasattr(v, "state_dict") else v if torch.is_tensor(v) else None'
    )
    load = f'torch.load({json.dumps(name)}, map_location="cpu", weights_only=False)'
    command = _command(f"{keep}; torch.save(f({load}), {_new(name)})")
    return f"{kind}; if you trust it, copy the tensors where its packages are installed: {command}"


def _command(code: str) -> str:
    return f"python -c {shlex.quote(f'import torch; {code}')}"


def _new(name: str) -> str:
    path = PurePath(name)
    return json.dumps(str(path.with_name(f"{path.stem}-tensors.pth")))


def _root_class(content: bytes) -> str | None:
    """Return the class of the object in a file of torch; ``None`` for a dict or list."""
    file = io.BytesIO(content)
    if zipfile.is_zipfile(file):
        archive = zipfile.ZipFile(file)
        [entry, *_] = [name for name in archive.namelist() if PurePath(name).name == "data.pkl"]
        file = io.BytesIO(archive.read(entry))
    else:
        file.seek(0)
        for _ in range(3):  # magic number, protocol, machine
            for _ in pickletools.genops(file):
                pass
    texts: list[str] = []
    for operation, argument, _ in pickletools.genops(file):
        if operation.name == "GLOBAL":
            return str(argument).replace(" ", ".")
        if operation.name == "STACK_GLOBAL":
            return ".".join(texts[-2:])
        if operation.name in ("EMPTY_DICT", "EMPTY_LIST"):
            return None
        if isinstance(argument, str):
            texts.append(argument)
    return None
