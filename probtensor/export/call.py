"""A function of tensors as C: one call with arrays of the sizes that the caller says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from probtensor.export.names import in_comment
from probtensor.export.parts import Argument, Part
from probtensor.export.source import Source, measure_text, spelled
from probtensor.lower.plan import Buffer
from probtensor.types import Size, dtype_of, size_names

PLACES = "pt_call_"
LOCALS = ("n", "b", "status")  # of the function that makes the call


class Outcome(NamedTuple):
    """A result of an exported function: its name in C, and in words."""

    name: str
    label: str


def inner(name: str) -> str:
    """The name of a parameter where the function is defined."""
    return f"{name}_" if name in LOCALS else name


class CallText:
    """The C of an exported function. `part` is called "call"."""

    def __init__(
        self, name: str, part: Part, outcomes: Sequence[Outcome], about: Sequence[str], command: str
    ) -> None:
        self.name, self.part, self.outcomes, self.about = name, part, tuple(outcomes), about
        self.plan = part.plan
        checked = dict.fromkeys(check.buffer for check in part.plan.index_checks)
        self.checked = [k for k in checked if self._is_checked_in_calls(k)]
        members = [f"    pt_room copies[{max(1, len(self.checked))}]; /* of indices */"]
        if part.known is None:
            temps, sizes = max(1, len(self.plan.lifetimes)), max(1, len(self.plan.sizes))
            members.append(f"    int64_t n[{sizes}], at[{temps}]; /* of the last call */")
        closes = [
            f"    for (int k = 0; k < {max(1, len(self.checked))}; k++)",
            "        free(context->copies[k].block);",
        ]
        self.source = Source(name, (part,), command, members=tuple(members), closes=tuple(closes))
        self.at = {argument.position: argument for argument in part.arguments}
        self.names = self._size_names()

    def _is_checked_in_calls(self, position: int) -> bool:
        """Whether the indices in a buffer are checked in each call: those that are bound were
        checked before, where the sizes of the axes are known."""
        return self.part.known is None or position not in self.part.bound

    def _size_names(self) -> dict[str, str]:
        """The names of the plan's sizes in terms of the caller's arrays."""
        found = {}
        for source in self.plan.sizes:
            if source.value is not None:
                found[source.name] = str(source.value)
            elif source.buffer in self.at:
                found[source.name] = f"{self.at[source.buffer].name}_shape[{source.axis}]"
            else:
                found[source.name] = str(self.part.bound[source.buffer].shape[source.axis])
        return found

    @property
    def data_file(self) -> str | None:
        """The name of the file with the data, if there is one."""
        return self.source.data_file

    # Signatures.

    def buffer(self, position: int) -> Buffer:
        """A buffer of the plan."""
        return self.plan.buffers[position]

    def has_shape(self, position: int) -> bool:
        """Whether the caller says the shape of an argument: it has an axis of any size."""
        return any(not isinstance(n, int) for n in self.buffer(position).node.type.shape)

    def shapes(self) -> list[str]:
        """The parameters with shapes of arguments."""
        return [f"const int64_t *{a.name}_shape" for a in self.part.arguments
                if not a.is_key and self.has_shape(a.position)]  # fmt: skip

    def is_open(self, k: int) -> bool:
        """Whether the size of a result is known only in a call."""
        return any(size_names(n) for n in self._result(k).shape)

    def _result(self, k: int) -> Buffer:
        return self.buffer(self.part.results[k])

    def parameters(self, spelled: Callable[[str], str] = str) -> list[str]:
        """All parameters of the call but the context."""
        found = []
        for a in self.part.arguments:
            if a.is_key:
                found.append(f"uint64_t {spelled(a.name)}")
                continue
            kind = dtype_of(self.buffer(a.position).dtype).c
            found.append(f"const {kind} *{spelled(a.name)}")
            if self.has_shape(a.position):
                found.append(f"const int64_t *{a.name}_shape")
        for k, outcome in enumerate(self.outcomes):
            found.append(f"{dtype_of(self._result(k).dtype).c} *{spelled(outcome.name)}")
            if self.is_open(k):
                found.append(f"int64_t {outcome.name}_count")
        return found

    def _signature(self, stem: str, parameters: Sequence[str]) -> list[str]:
        lines = [f"int {self.name}_{stem}("]
        for k, parameter in enumerate(parameters):
            piece = parameter + (", " if k < len(parameters) - 1 else ")")
            if len(lines[-1]) + len(piece) > 96:
                lines[-1] = lines[-1].rstrip()
                lines.append("        ")
            lines[-1] += piece
        return lines

    # The source.

    def c(self) -> str:
        """The source."""
        rows = ["/* ---- functions ---- */", ""]
        if self.part.known is None:
            rows += [*self._sizes(), *self._place()]
        rows += [*self._call(), *self._result_shapes()]
        return self.source.text(rows)

    def _sizes(self) -> Iterator[str]:
        """The function that reads the sizes of a call, and checks them."""
        parameters = ", ".join([*self.shapes(), "int64_t *n"])
        yield f"static int {PLACES}sizes({parameters})"
        yield "{"
        for argument in self.part.arguments:
            if not argument.is_key and self.has_shape(argument.position):
                yield from self._axes(argument)
        for k, source in enumerate(self.plan.sizes):
            yield f"    n[{k}] = {self.names[source.name]};"
        for check in self.plan.size_checks:
            left, right = self.part.size(check.left), self.part.size(check.right)
            status = self.source.status(measure_text(check.message, self.names))
            yield f"    if (!(({left}) {check.relation} ({right})))"
            yield f"        return {status};"
        yield "    return 0;"
        yield "}"
        yield ""

    def _axes(self, argument: Argument) -> Iterator[str]:
        shape = self.buffer(argument.position).node.type.shape
        yield f"    for (int k = 0; k < {len(shape)}; k++)"
        yield f"        if ({argument.name}_shape[k] < 0)"
        yield "            return PT_BAD_SIZE;"
        for axis, size in enumerate(shape):
            if isinstance(size, int):
                status = self.source.status(
                    f"{argument.label}: its size along axis {axis} must be {size}\n"
                    f"  {argument.label} was made at {argument.line}"
                )
                yield f"    if ({argument.name}_shape[{axis}] != {size})"
                yield f"        return {status};"

    def _place(self) -> Iterator[str]:
        """The function that finds places for the temporaries of a call."""
        temps = [*self.plan.lifetimes.items()]
        yield f"static int {PLACES}place({self.name}_context *context, const int64_t *n)"
        yield "{"
        yield "    int64_t room = 0;"
        yield "    context->at[0] = 0;"
        if temps:
            for what, end in (("first", 0), ("last", 1)):
                row = ", ".join(str(life[end]) for _, life in temps)
                yield f"    static const int64_t {what}[] = {{{row}}};"
            yield f"    int64_t bytes[{len(temps)}], order[{len(temps)}];"
            for k, (position, _) in enumerate(temps):
                yield f"    bytes[{k}] = {self._bytes(position)};"
            yield f"    for (int k = 0; k < {len(temps)}; k++) {{"
            yield "        if (bytes[k] < 0)"
            yield "            return PT_NO_MEMORY;"
            yield "        bytes[k] = pt_aligned(bytes[k]);"
            yield "    }"
            yield f"    room = pt_place({len(temps)}, bytes, first, last, context->at, order);"
        yield "    if (pt_grow(&context->rooms[0], room))"
        yield "        return PT_NO_MEMORY;"
        count = max(1, len(self.plan.sizes))
        yield f"    for (int k = 0; k < {count}; k++)"
        yield "        context->n[k] = n[k];"
        yield "    return 0;"
        yield "}"
        yield ""

    def _bytes(self, position: int) -> str:
        buffer = self.buffer(position)
        if not buffer.shape:
            return str(buffer.itemsize)
        shape = ", ".join(map(self.part.size, buffer.shape))
        return f"pt_bytes((int64_t[]) {{{shape}}}, {len(buffer.shape)}, {buffer.itemsize})"

    def _count(self, sizes: Sequence[Size]) -> str:
        return " * ".join(f"({self.part.size(n)})" for n in sizes) or "1"

    def _call(self) -> Iterator[str]:
        part, count = self.part, max(1, len(self.plan.sizes))
        parameters = [f"{self.name}_context *context", *self.parameters(inner)]
        yield from self._signature("call", parameters)
        yield "{"
        yield "    void **b = context->call;"
        if part.known is None:
            given = ", ".join([p.rpartition("*")[2] for p in self.shapes()] + ["n"])
            yield f"    int64_t n[{count}] = {{0}};"
            yield f"    int status = {PLACES}sizes({given});"
            yield "    if (status)"
            yield "        return status;"
        else:
            yield f"    const int64_t *n = {PLACES}n;"
            yield "    int status;"
            yield "    (void) n;"
        yield from self._room()
        if part.known is None:
            yield "    if (!context->rooms[0].start || memcmp(n, context->n, sizeof n)) {"
            yield f"        status = {PLACES}place(context, n);"
            yield "        if (status)"
            yield "            return status;"
            yield "    }"
            yield f"    {PLACES}wire(b, context->data, context->rooms[0].start, context->at);"
        for a in part.arguments:
            yield f"    b[{a.position}] = (void *) {'&' * a.is_key}{inner(a.name)};"
        copied = dict(part.copies())
        for k, position in enumerate(part.results):
            if k not in copied:
                yield f"    b[{position}] = {inner(self.outcomes[k].name)};"
        yield from self._indices()
        yield f"    status = {PLACES}pt_plan(b, n);"
        for k, first in copied.items():
            bytes_of = f"({self._count(self._result(k).shape)}) * {self._result(k).itemsize}"
            names = inner(self.outcomes[k].name), inner(self.outcomes[first].name)
            yield f"    memcpy({names[0]}, {names[1]}, (size_t) ({bytes_of}));"
        yield "    return status;"
        yield "}"
        yield ""

    def _room(self) -> Iterator[str]:
        """Check that the results have the sizes that the caller has room for."""
        for k, outcome in enumerate(self.outcomes):
            if self.is_open(k):
                shape = ", ".join(spelled(n, self.names) for n in self._result(k).shape)
                status = self.source.status(
                    f"the array for {outcome.label} must have as many elements as the result, "
                    f"whose shape is ({shape})"
                )
                yield f"    if ({outcome.name}_count != {self._count(self._result(k).shape)})"
                yield f"        return {status};"

    def _indices(self) -> Iterator[str]:
        """Check the indices in arrays."""
        number = {position: k for k, position in enumerate(self.checked)}
        checks = [c for c in self.plan.index_checks if c.buffer in number]
        for position in dict.fromkeys(c.buffer for c in checks):
            yield f"    int64_t pt_used{position} = -1;"
        for check in checks:
            buffer, k = self.buffer(check.buffer), number[check.buffer]
            kind = dtype_of(buffer.dtype).c
            if check.buffer in self.at:
                pointer = inner(self.at[check.buffer].name)
            else:
                arrays = self.source.arrays
                pointer = arrays.pointer(arrays.add(self.part.bound[check.buffer]))
                pointer = pointer.replace("data->", "context->data->")
                pointer = f"(const {kind} *) ({pointer})"
            status = self.source.status(check.message)
            yield f"    status = pt_indices_{kind}({pointer}, {self._count(buffer.shape)},"
            yield (
                f"            {self.part.size(check.bound)}, &b[{check.buffer}], "
                f"&context->copies[{k}], &pt_used{check.buffer});"
            )
            yield "    if (status)"
            yield f"        return status > 0 ? {status} : status;"

    def _result_shapes(self) -> Iterator[str]:
        """The function that gives the shapes of results that only a call knows."""
        if not self._shape_parameters():
            return
        count = max(1, len(self.plan.sizes))
        yield from self._signature("shapes", [*self.shapes(), *self._shape_parameters()])
        yield "{"
        given = ", ".join([p.rpartition("*")[2] for p in self.shapes()] + ["n"])
        yield f"    int64_t n[{count}] = {{0}};"
        yield f"    int status = {PLACES}sizes({given});"
        for k, outcome in enumerate(self.outcomes):
            if self.is_open(k):
                for axis, size in enumerate(self._result(k).shape):
                    yield f"    {outcome.name}_shape[{axis}] = {self.part.size(size)};"
        yield "    return status;"
        yield "}"
        yield ""

    def _shape_parameters(self) -> list[str]:
        if self.part.known is not None:
            return []
        return [f"int64_t *{y.name}_shape" for k, y in enumerate(self.outcomes) if self.is_open(k)]

    # The header.

    def header(self) -> str:
        """The header."""
        rows = ["/* One call.", *self._argument_rows(), *self._result_rows()]
        rows[-1] += " */"
        lines = self._signature("call", [f"{self.name}_context *context", *self.parameters()])
        rows += [*lines[:-1], lines[-1] + ";", ""]
        if self._shape_parameters():
            rows.append("/* The shapes of results of a call with arguments of these shapes. */")
            lines = self._signature("shapes", [*self.shapes(), *self._shape_parameters()])
            rows += [*lines[:-1], lines[-1] + ";", ""]
        return self.source.header(self.about, rows)

    def _argument_rows(self) -> Iterator[str]:
        for a in self.part.arguments:
            buffer = self.buffer(a.position)
            if a.is_key:
                yield f" *   {a.name:<12} the key of all random draws: the same key, the same draws"
                continue
            shape = ", ".join(spelled(n, self.names) for n in buffer.shape)
            given = f", as {a.name}_shape says" if self.has_shape(a.position) else ""
            yield f" *   {a.name:<12} {buffer.dtype} [{shape}]{given}"
            if a.label != a.name:
                yield f" *                {in_comment(a.label)}"

    def _result_rows(self) -> Iterator[str]:
        for k, outcome in enumerate(self.outcomes):
            buffer = self._result(k)
            shape = ", ".join(spelled(n, self.names) for n in buffer.shape)
            room = f"; {outcome.name}_count is the number of its elements" * self.is_open(k)
            yield f" *   {outcome.name:<12} written: {buffer.dtype} [{shape}]{room}"
        yield " *   Arrays are in row-major order; results overlap nothing."
