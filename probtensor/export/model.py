"""A posterior as C: density, gradient, constrain, unconstrain and names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

from probtensor.export.names import c_string
from probtensor.export.parts import Part
from probtensor.export.source import Source

# Functions for R's .C: their names, parameters and the arguments that they pass on.
R_FUNCTIONS = (
    ("logp_grad", "double *q, double *grad, double *logp", "q, grad, logp"),
    ("constrain", "double *q, double *values", "q, values"),
    ("unconstrain", "double *values, double *q", "values, q"),
)


class Variable(NamedTuple):
    """A variable of a model: its name, shape and the names of its axes, if it has any. `free` is
    the shape of its part of q; None for a deterministic. `outside` is the message for a value that
    it cannot have."""

    name: str
    shape: tuple[int, ...]
    dims: tuple[str, ...] | None
    free: tuple[int, ...] | None = None
    outside: str = ""


class ModelParts(NamedTuple):
    """The parts of an exported posterior.

    density      q to (logp, gradient)
    constrain    q to the values of all variables as one vector
    unconstrain  values of the free variables, one vector, to (q, whether each can have its value)
    about        the text at the head of the header
    """

    density: Part
    constrain: Part
    unconstrain: Part
    variables: tuple[Variable, ...]
    about: tuple[str, ...]


class ModelText:
    """The C of an exported posterior."""

    def __init__(self, name: str, parts: ModelParts, command: str) -> None:
        self.name, self.parts = name, parts
        self.free = [v for v in parts.variables if v.free is not None]
        self.dim = sum(prod(v.free or ()) for v in self.free)
        self.values = sum(prod(v.shape) for v in parts.variables)
        self.free_values = sum(prod(v.shape) for v in self.free)
        self.source = Source(
            name,
            (parts.density, parts.constrain, parts.unconstrain),
            command,
            members=(f"    double spare[{max(1, self.dim)}];",),
        )
        self.outside = [self.source.status(v.outside) for v in self.free]

    @property
    def data_file(self) -> str | None:
        """The name of the file with the data, if there is one."""
        return self.source.data_file

    def c(self) -> str:
        """The source."""
        rows = [*self._density(), *self._constrain(), *self._unconstrain()]
        rows += [*self._for_r(), *self._tables(), *self._descriptions()]
        return self.source.text(rows)

    def header(self) -> str:
        """The header."""
        return self.source.header([*self.parts.about, *self._listing()], [*self._functions()])

    def _run(self, part: Part, outputs: Sequence[str]) -> Iterator[str]:
        """Fill the table of a part, and run it; `outputs` are the pointers of its results."""
        yield f"    void **b = context->{part.name};"
        yield "    int status;"
        for argument in part.arguments:
            yield f"    b[{argument.position}] = (void *) {argument.name};"
        for position, output in zip(part.results, outputs, strict=True):
            yield f"    b[{position}] = {output};"
        yield f"    status = {part.prefix}pt_plan(b, {part.prefix}n);"

    def _status(self, part: Part) -> str:
        offset = self.source.offsets[part.name]
        return f"status > 0 ? status + {offset} : status" if offset else "status"

    def _density(self) -> Iterator[str]:
        name, part = self.name, self.parts.density
        yield "/* ---- functions ---- */"
        yield ""
        yield f"int {name}_logp_grad("
        yield "        void *its_context, const double *q, double *grad, double *logp)"
        yield "{"
        yield f"    {name}_context *context = its_context;"
        yield from self._run(part, ["logp", "grad"])
        yield f"    return {self._status(part)};"
        yield "}"
        yield ""
        yield f"int {name}_log_density({name}_context *context, int64_t n, const double *q,"
        yield "        double *grad, double *logp)"
        yield "{"
        yield f"    if (n != {self.dim})"
        yield "        return PT_BAD_SIZE;"
        yield f"    return {name}_logp_grad(context, q, grad ? grad : context->spare, logp);"
        yield "}"
        yield ""

    def _constrain(self) -> Iterator[str]:
        name, part = self.name, self.parts.constrain
        yield f"int {name}_constrain({name}_context *context, const double *q, double *values)"
        yield "{"
        yield from self._run(part, ["values"])
        yield f"    return {self._status(part)};"
        yield "}"
        yield ""

    def _unconstrain(self) -> Iterator[str]:
        name, part, count = self.name, self.parts.unconstrain, len(self.free)
        yield f"int {name}_unconstrain({name}_context *context, const double *values, double *q)"
        yield "{"
        if not count:
            yield "    (void) context, (void) values, (void) q;"
            yield "    return 0;"
            yield "}"
            yield ""
            return
        codes = ", ".join(map(str, self.outside))
        yield f"    static const int outside[] = {{{codes}}};"
        yield f"    uint8_t inside[{count}];"
        yield from self._run(part, ["q", "inside"])
        yield f"    for (int k = 0; k < {count} && !status; k++)"
        yield "        if (!inside[k])"
        yield "            return outside[k];"
        yield f"    return {self._status(part)};"
        yield "}"
        yield ""

    def _for_r(self) -> Iterator[str]:
        """Functions whose arguments are all pointers."""
        name = self.name
        yield f"static {name}_context *pt_r_context = NULL;"
        yield ""
        yield "static int pt_r_open(char **file)"
        yield "{"
        yield f"    return pt_r_context ? 0 : {name}_open(file[0], &pt_r_context);"
        yield "}"
        yield ""
        for what, parameters, given in R_FUNCTIONS:
            yield f"void {name}_r_{what}(char **file, {parameters}, int *status)"
            yield "{"
            yield "    *status = pt_r_open(file);"
            yield "    if (!*status)"
            yield f"        *status = {name}_{what}(pt_r_context, {given});"
            yield "}"
            yield ""

    def _tables(self) -> Iterator[str]:
        """The variables, and their parts of q."""
        variables = self.parts.variables
        for k, v in enumerate(variables):
            yield f"static const int64_t pt_shape{k}[] = {{{', '.join(map(str, v.shape)) or '0'}}};"
            if v.free is not None and v.free != v.shape:
                sizes = ", ".join(map(str, v.free)) or "0"
                yield f"static const int64_t pt_free_shape{k}[] = {{{sizes}}};"
            if v.dims:
                dims = ", ".join(map(c_string, v.dims))
                yield f"static const char *const pt_dims{k}[] = {{{dims}}};"
        yield "static const pt_variable pt_variables[] = {"
        yield from self._rows([(k, v.shape, "pt_shape") for k, v in enumerate(variables)])
        yield "};"
        yield "static const pt_variable pt_unconstrained[] = {"
        yield from self._rows(
            [
                (k, v.free, "pt_shape" if v.free == v.shape else "pt_free_shape")
                for k, v in enumerate(variables)
                if v.free is not None
            ]
        )
        yield "};"
        yield ""

    def _rows(self, found: Sequence[tuple[int, tuple[int, ...], str]]) -> Iterator[str]:
        start = 0
        for k, shape, table in found:
            v = self.parts.variables[k]
            dims = f"pt_dims{k}" if v.dims else "NULL"
            yield (
                f"    {{{c_string(v.name)}, {start}, {prod(shape)}, {len(shape)}, "
                f"{table}{k}, {dims}}},"
            )
            start += prod(shape)
        if not found:
            yield "    {NULL, 0, 0, 0, NULL, NULL},"

    def _descriptions(self) -> Iterator[str]:
        name, count, free = self.name, len(self.parts.variables), len(self.free)
        for what, value in self._numbers():
            yield f"int64_t {name}_{what}(void) {{ return {value}; }}"
        yield ""
        known = f"k >= 0 && k < {count}"
        axis = "axis >= 0 && axis < pt_variables[k].axes"
        for head, good, value, other in (
            ("const char *{}_variable_name(int64_t k)", known, "name", "NULL"),
            ("int64_t {}_variable_start(int64_t k)", known, "start", "-1"),
            ("int64_t {}_variable_axes(int64_t k)", known, "axes", "-1"),
            (
                "int64_t {}_variable_size(int64_t k, int64_t axis)",
                f"{known} && {axis}",
                "shape[axis]",
                "-1",
            ),
            (
                "const char *{}_variable_dim(int64_t k, int64_t axis)",
                f"{known} && {axis} && pt_variables[k].dims",
                "dims[axis]",
                "NULL",
            ),
        ):
            yield head.format(name)
            yield "{"
            yield f"    return {good} ? pt_variables[k].{value} : {other};"
            yield "}"
            yield ""
        for what, table, rows in (
            ("value", "pt_variables", count),
            ("unconstrained", "pt_unconstrained", free),
        ):
            yield f"int {name}_{what}_name(int64_t i, char *text, int64_t room)"
            yield "{"
            yield f"    return pt_value_name({table}, {rows}, i, text, room);"
            yield "}"
            yield ""

    def _numbers(self) -> list[tuple[str, int]]:
        return [
            ("dim", self.dim),
            ("values", self.values),
            ("free_values", self.free_values),
            ("variables", len(self.parts.variables)),
            ("free_variables", len(self.free)),
        ]

    def _listing(self) -> Iterator[str]:
        """The variables, for the head of the header."""
        yield ""
        yield "values of constrain, with the first of each variable:"
        start = 0
        for v in self.parts.variables:
            if v.free is None and v is self.parts.variables[len(self.free)]:
                yield "and deterministics, which unconstrain does not read:"
            axes = v.dims or v.shape
            shape = ", ".join(f"{a}={n}" if v.dims else str(n) for a, n in zip(axes, v.shape))
            yield f"    {start:>6}  {v.name}" + (f"[{shape}]" if shape else "")
            start += prod(v.shape)

    def _functions(self) -> Iterator[str]:
        name = self.name
        for what, value in self._numbers():
            yield f"#define {name.upper()}_{what.upper()} {value}"
        yield f"""
/* Log density and gradient at q, DIM numbers of the unconstrained space, with the log-Jacobians of
 * the transformations and all constants. This is a pt_logp_grad_fn of probtensor.h: `context` is
 * that of `open` or `clone`. *logp may be -inf (no density here) or nan; grad has a meaning only
 * where *logp is finite. */
int {name}_logp_grad(void *context, const double *q, double *grad, double *logp);

/* The same, where n must be DIM, and grad may be NULL. */
int {name}_log_density({name}_context *context, int64_t n, const double *q, double *grad,
        double *logp);

/* The VALUES values of free variables and deterministics at q, one variable after the other, in
 * row-major order. */
int {name}_constrain({name}_context *context, const double *q, double *values);

/* The q at which the free variables have the first FREE_VALUES of these values; a status where a
 * variable cannot have its value. */
int {name}_unconstrain({name}_context *context, const double *values, double *q);

/* The numbers above, for programs that load the library without this header. */"""
        for what, _ in self._numbers():
            yield f"int64_t {name}_{what}(void);"
        yield f"""
/* Variable k of VARIABLES, the FREE_VARIABLES first: its name, the first of its values, its number
 * of axes, their sizes and names. NULL or -1 where there is none. */
const char *{name}_variable_name(int64_t k);
int64_t {name}_variable_start(int64_t k);
int64_t {name}_variable_axes(int64_t k);
int64_t {name}_variable_size(int64_t k, int64_t axis);
const char *{name}_variable_dim(int64_t k, int64_t axis);

/* The name of value i, or of entry i of q: "theta[3]", "beta[0,2]", indices from 0 as in Python.
 * At most `room` characters are written, the final 0 too; gives the length of the name, or -1. */
int {name}_value_name(int64_t i, char *text, int64_t room);
int {name}_unconstrained_name(int64_t i, char *text, int64_t room);

/* For .C of R, which passes pointers: the first call opens one context for all of them, so these
 * are for one thread. */"""
        for what, parameters, _ in R_FUNCTIONS:
            yield f"void {name}_r_{what}(char **file, {parameters}, int *status);"
        yield ""
