"""What the C of all exports has: head, arrays, kernels, contexts, messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probtensor.export.arrays import Arrays
from probtensor.export.names import c_string, in_comment
from probtensor.export.parts import HEADER_OF, Part
from probtensor.process import computed_once
from probtensor.types import size_text
from probtensor.version import __version__

MARK = "Written by ProbTensor"
HEADERS = ("pt_loops.h", "pt_export.h")


class Source:
    """The C source of an export under a name.

    command   the line that builds the library
    messages  of the statuses 1, 2, ...; the failures of the parts are the first
    members   further members of the context, and `closes` what frees them
    """

    def __init__(
        self,
        name: str,
        parts: tuple[Part, ...],
        command: str,
        members: tuple[str, ...] = (),
        closes: tuple[str, ...] = (),
    ) -> None:
        self.name, self.parts, self.command = name, parts, command
        self.members, self.closes = members, closes
        self.messages: list[str] = []
        self.arrays = Arrays()
        self.offsets: dict[str, int] = {}
        for part in self.parts:
            self.offsets[part.name] = len(self.messages)
            self.messages += [text.partition("Error: ")[2] or text for text in part.plan.failures]
        for array in (array for part in self.parts for array in part.bound.values()):
            self.arrays.add(array)

    @computed_once
    def data_file(self) -> str | None:
        """The name of the file with the arrays, if there is one."""
        return f"{self.name}.bin" if self.arrays.in_file else None

    def status(self, message: str) -> int:
        """The status with a message."""
        self.messages.append(message)
        return len(self.messages)

    @property
    def identity(self) -> str:
        """A text that is the same for the same model with other data of the same sizes."""
        rows = [row for part in self.parts for row in part.translated.text.splitlines()]
        return "\n".join(row for row in rows if not row.lstrip().startswith("/*"))

    def text(self, body: Sequence[str]) -> str:
        """The whole source, with the functions of the kind of export."""
        rows = [
            f"/* {MARK} {__version__}. Build it with",
            f" *     {in_comment(self.command)}",
            f" * and see {self.name}.h. */",
            *self._includes(),
            "",
            *dict.fromkeys(use for part in self.parts for use in part.translated.once),
            "",
            *self.arrays.text(),
            "",
        ]
        for part in self.parts:
            rows += part.definitions(self.arrays)
        rows += [*self._context(), *body, *self._messages(), ""]
        return "\n".join(rows)

    def _includes(self) -> Iterator[str]:
        yield f'#include "{self.name}.h"'
        for header in HEADERS:
            yield f'#include "{header}"'
        if any(part.translated.random for part in self.parts):
            yield '#include "pt_random.h"'
        called = {name for part in self.parts for name in part.translated.routines}
        for header in sorted({HEADER_OF[name] for name in called}):
            yield f'#include "{header}"'

    def _context(self) -> Iterator[str]:
        name, count = self.name, len(self.parts)
        yield "/* ---- contexts ---- */"
        yield ""
        yield f"struct {name}_context {{"
        yield "    pt_data *data; /* shared by its clones */"
        yield f"    pt_room rooms[{count}];"
        for part in self.parts:
            yield f"    void *{part.name}[{part.prefix}BUFFERS];"
        yield from self.members
        yield "};"
        yield ""
        yield f"void {name}_close({name}_context *context)"
        yield "{"
        yield "    if (!context)"
        yield "        return;"
        yield f"    for (int k = 0; k < {count}; k++)"
        yield "        free(context->rooms[k].block);"
        yield from self.closes
        yield "    pt_drop_data(context->data);"
        yield "    free(context);"
        yield "}"
        yield ""
        yield f"static int pt_new_context(pt_data *data, {name}_context **context)"
        yield "{"
        yield f"    {name}_context *made = calloc(1, sizeof *made);"
        yield "    *context = NULL;"
        yield "    if (!made) {"
        yield "        pt_drop_data(data);"
        yield "        return PT_NO_MEMORY;"
        yield "    }"
        yield "    made->data = data;"
        for k, part in enumerate(self.parts):
            if part.known is not None:
                yield f"    if (pt_grow(&made->rooms[{k}], {part.known.room})) {{"
                yield f"        {name}_close(made);"
                yield "        return PT_NO_MEMORY;"
                yield "    }"
                yield f"    {part.prefix}wire(made->{part.name}, data, made->rooms[{k}].start);"
        yield "    *context = made;"
        yield "    return 0;"
        yield "}"
        yield ""
        yield from self._openers()

    def _openers(self) -> Iterator[str]:
        name = self.name
        yield f"int {name}_open(const char *file, {name}_context **context)"
        yield "{"
        yield "    pt_data *data = NULL;"
        if self.data_file:
            identity = self.arrays.identity(self.identity)
            yield f"    int status = pt_open_data(file, {identity}ull, {self.arrays.bytes}, &data);"
            yield "    *context = NULL;"
            yield "    if (status)"
            yield "        return status;"
        else:
            yield "    (void) file;"
        yield "    return pt_new_context(data, context);"
        yield "}"
        yield ""
        yield f"int {name}_clone("
        yield f"        const {name}_context *context, {name}_context **clone)"
        yield "{"
        yield "    return pt_new_context(pt_share_data(context->data), clone);"
        yield "}"
        yield ""

    def _messages(self) -> Iterator[str]:
        yield "/* ---- messages ---- */"
        yield ""
        yield f"const char *{self.name}_error_text(int status)"
        yield "{"
        if self.messages:
            yield "    static const char *const texts[] = {"
            for text in self.messages:
                yield f"        {c_string(text)},"
            yield "    };"
            yield f"    if (status > 0 && status <= {len(self.messages)})"
            yield "        return texts[status - 1];"
        yield "    return pt_error_text(status);"
        yield "}"

    def header(self, about: Sequence[str], functions: Sequence[str]) -> str:
        """The header, with a text about the export and the functions of its kind."""
        guard = f"{self.name.upper()}_H"
        rows = [f"/* {MARK} {__version__}: {in_comment(about[0])}"]
        rows += [f" * {in_comment(row)}".rstrip() for row in about[1:]]
        rows += [
            " */",
            f"#ifndef {guard}",
            f"#define {guard}",
            "",
            "#include <stdint.h>",
            "",
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            "",
            *self._context_functions(),
            *functions,
            "/* The message of a status; never NULL. */",
            f"const char *{self.name}_error_text(int status);",
            "",
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "",
            "#endif",
            "",
        ]
        return "\n".join(rows)

    def _context_functions(self) -> Iterator[str]:
        name = self.name
        file = (
            f"`file` is the path of {self.data_file}"
            if self.data_file
            else ("`file` is not used: the data are in the source")
        )
        yield f"""\
/* A context is the data and one workspace: calls that share one must not overlap, so each thread
 * has its own, made by `clone`, which shares the data. `close` frees it; the data are freed with
 * the last of them. All functions that return an int return 0, or a status whose text `error_text`
 * gives. {file}. */"""
        yield f"typedef struct {name}_context {name}_context;"
        yield f"int {name}_open(const char *file, {name}_context **context);"
        yield f"int {name}_clone("
        yield f"        const {name}_context *context, {name}_context **clone);"
        yield f"void {name}_close({name}_context *context);"
        yield ""


def measure_text(message: Sequence[object], names: dict[str, str]) -> str:
    """The message of a size check, with sizes by name instead of by value."""
    parts = []
    for part in message:
        if isinstance(part, str):
            parts.append(part)
        elif isinstance(part, tuple):
            inner = [n if isinstance(n, str) else spelled(n, names) for n in part]
            parts.append(f"({', '.join(inner)}{',' if len(inner) == 1 else ''})")
        else:
            parts.append(spelled(part, names))
    return "".join(parts)


def spelled(size: object, names: dict[str, str]) -> str:
    """A size in terms of the sizes of the caller's arrays."""
    return size_text(size, lambda atom: names.get(atom.name, atom.name))
