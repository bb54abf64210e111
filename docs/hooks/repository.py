"""MkDocs hook: files of the repository outside this folder become part of the site where a page links to them.

Links between documents are relative paths, as in the repository. MkDocs knows only what is below ``docs``. So every
file outside that a page links to is added to the site, under ``repository/`` and its path; Markdown becomes a page, and
its links are followed in turn. Links are rewritten to the places in the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

OUTSIDE = "repository"
FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#|/)([^)\s#]+)(?=[)#])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    root, docs = Path(config.config_file_path).parent, Path(config.docs_dir)
    in_nav = [uri for uri in _uris(config.nav) if uri.startswith(f"{OUTSIDE}/")]
    unread = [page.src_uri for page in files.documentation_pages()]
    unread += _add([uri.removeprefix(f"{OUTSIDE}/") for uri in in_nav], root, docs, files, config)
    while unread:
        uri = unread.pop()
        path = _path_of(uri, docs.name)
        links = _outside_fences((root / path).read_text(encoding="utf-8"))
        targets = [posixpath.normpath(posixpath.join(posixpath.dirname(path), link)) for link in links]
        unread += _add(targets, root, docs, files, config)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    docs = Path(config.docs_dir).name
    uri = page.file.src_uri
    folder = posixpath.dirname(_path_of(uri, docs))

    def in_site(link: re.Match[str]) -> str:
        target = _uri_of(posixpath.normpath(posixpath.join(folder, link[1])), docs)
        return posixpath.relpath(target, posixpath.dirname(uri) or ".") if target in files.src_uris else link[1]

    pieces, end = [], 0
    for fence in FENCE.finditer(markdown):
        pieces += [LINK.sub(in_site, markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*pieces, LINK.sub(in_site, markdown[end:])])


def _add(paths: list[str], root: Path, docs: Path, files: Files, config: MkDocsConfig) -> list[str]:
    """Add files outside ``docs`` that the site does not have yet, and return the places of new pages."""
    pages = []
    for path in paths:
        uri = _uri_of(path, docs.name)
        if uri.startswith(f"{OUTSIDE}/") and uri not in files.src_uris and (root / path).is_file():
            files.append(File.generated(config, uri, abs_src_path=str(root / path)))
            pages += [uri] if uri.endswith(".md") else []
    return pages


def _outside_fences(markdown: str) -> list[str]:
    return LINK.findall(FENCE.sub("", markdown))


def _uri_of(path: str, docs: str) -> str:
    return path.removeprefix(f"{docs}/") if path.startswith(f"{docs}/") else f"{OUTSIDE}/{path}"


def _path_of(uri: str, docs: str) -> str:
    return uri.removeprefix(f"{OUTSIDE}/") if uri.startswith(f"{OUTSIDE}/") else f"{docs}/{uri}"


def _uris(nav: object) -> list[str]:
    if isinstance(nav, dict):
        return _uris(list(nav.values()))
    if isinstance(nav, list):
        return [uri for item in nav for uri in _uris(item)]
    return [str(nav)]
