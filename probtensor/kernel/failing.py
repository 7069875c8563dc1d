"""Loops until a condition end where a check fails in them: else nothing may ever end them."""

from __future__ import annotations

from functools import reduce

from probtensor.dataclass import replace
from probtensor.kernel.ir import (
    Acc,
    Apply,
    Check,
    Choice,
    Expr,
    For,
    If,
    Let,
    Lit,
    Ref,
    Scan,
    State,
    Stmt,
    walk,
)

FALSE = Lit(False, "bool")


def end_where_failed(body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    """The statements with loops whose `stop` is also true where a check of the step has failed,
    in an iteration of a loop within it too."""
    if not any(isinstance(stmt, Check) for stmt in walk(body)):
        return body
    return _Ends().block(body)


class _Ends:
    def __init__(self) -> None:
        self.count = 0

    def _name(self) -> str:
        self.count += 1
        return f"ends{self.count}"

    def block(self, body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        """Statements that are in no loop until a condition."""
        return tuple(map(self._statement, body))

    def _statement(self, stmt: Stmt) -> Stmt:
        match stmt:
            case Scan(stop=stop) if stop is not None:
                return self._ended(stmt, told=False)[0]
            case Scan() | For():
                return replace(stmt, body=self.block(stmt.body))
            case If():
                otherwise = self.block(stmt.otherwise)
                return replace(stmt, then=self.block(stmt.then), otherwise=otherwise)
        return stmt

    def _ended(self, scan: Scan, told: bool) -> tuple[Scan, Expr | None]:
        """A loop that ends where a check fails, if it ends by a condition at all; and if it is to
        be told, whether one has failed."""
        body, failed = self._watched(scan.body)
        if failed is None:
            return replace(scan, body=body), None
        stop = None if scan.stop is None else _either(scan.stop, failed)
        if not told:
            return replace(scan, body=body, stop=stop), None
        seen = Ref(self._name(), "bool")
        state = State(seen.name, FALSE, _either(seen, failed))
        return replace(scan, body=body, stop=stop, states=(*scan.states, state)), seen

    def _told(self, loop: For) -> tuple[For, Expr | None]:
        """A loop whose iterations may run in any order, and whether a check in one has failed."""
        body, failed = self._watched(loop.body)
        if failed is None:
            return replace(loop, body=body), None
        seen = Ref(self._name(), "bool")
        accs = (*loop.accs, Acc(seen.name, "or", False, failed))
        return replace(loop, body=body, accs=accs), seen

    def _watched(self, body: tuple[Stmt, ...]) -> tuple[tuple[Stmt, ...], Expr | None]:
        """The statements of a step, and whether a check of them has failed; None if there is
        none."""
        done: list[Stmt] = []
        failed: list[Expr] = []
        for stmt in body:
            match stmt:
                case Check(condition):
                    holds = Ref(self._name(), "bool")
                    done += [Let(holds.name, condition), replace(stmt, condition=holds)]
                    failed.append(Apply("not", (holds,), "bool"))
                case If():
                    then, first = self._watched(stmt.then)
                    otherwise, second = self._watched(stmt.otherwise)
                    choices = stmt.choices
                    if first is not None or second is not None:
                        either = Choice(self._name(), first or FALSE, second or FALSE)
                        choices = (*choices, either)
                        failed.append(Ref(either.name, "bool"))
                    done.append(replace(stmt, then=then, otherwise=otherwise, choices=choices))
                case Scan():
                    inner, seen = self._ended(stmt, told=True)
                    done.append(inner)
                    failed += [] if seen is None else [seen]
                case For():
                    inner, seen = self._told(stmt)
                    done.append(inner)
                    failed += [] if seen is None else [seen]
                case _:
                    done.append(stmt)
        return tuple(done), reduce(_either, failed) if failed else None


def _either(one: Expr, other: Expr) -> Expr:
    return Apply("or", (one, other), "bool")
