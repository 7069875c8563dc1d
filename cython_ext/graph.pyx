"""The core of graphs: the fields of nodes, the table that interns them, and walks over them.

`probtensor.graph.node` and `probtensor.graph.walk` are what the rest of the library imports, and
say what nodes mean. This part is compiled since a compilation makes ten nodes for each one of the
user's and walks over the graph dozens of times: fields are read here without a lookup of a name.
Nothing here knows an op or a rule. `set_fields` fills the frozen dataclasses that ops and
statements of kernels are.
"""

from _weakref import _remove_dead_weakref
from weakref import ref


cdef extern from "Python.h":
    int PyObject_GenericSetAttr(object instance, object name, object value) except -1


def set_fields(instance, tuple names, *values):
    """Set attributes of an instance whose class refuses to, as `object.__setattr__` does."""
    cdef Py_ssize_t k
    for k in range(min(len(names), len(values))):
        PyObject_GenericSetAttr(instance, names[k], values[k])


cdef class Fields:
    """The fields of a node, which are set once, by `Interned.enter` or `unfinished`."""

    cdef readonly object op, type, _origin
    cdef readonly tuple inputs, needs
    cdef long claimed  # the period in which its line was recorded, see `Interned`
    cdef object __weakref__


class Entry(ref):
    """The weak reference to a node in the table, with its key there."""

    __slots__ = ("key",)


cdef class Key:
    """What distinguishes a node: its class, its op, or the class of it, and its inputs.

    It keeps its hash. So nothing of Python runs where a freed node leaves the table, where Ctrl-C
    would be lost, and the node would stay.
    """

    cdef object kind, op
    cdef tuple inputs
    cdef Py_hash_t hashed

    def __hash__(self):
        return self.hashed

    def __eq__(self, other):
        cdef Key key = other
        cdef Py_ssize_t k, count = len(self.inputs)
        if self.hashed != key.hashed or self.kind is not key.kind or count != len(key.inputs):
            return False
        for k in range(count):
            if self.inputs[k] is not key.inputs[k]:
                return False
        return self.op is key.op or self.op == key.op


cdef class Interned:
    """The nodes that exist, by class, op and inputs. A node leaves the table when it is freed.

    An equal node of another program may be there still. Its line is then that of the one which was
    written last: `begin` begins a period, and the first that makes a node in a period claims it.

    `lock` excludes that two threads enter equal nodes; its holder may enter another one in a signal
    handler. Keys hold ops whose hash is `plain_hash`, that of ops without parameters, as their
    classes: those are hashed without a call of Python.
    """

    cdef dict entries
    cdef object lock, forget, plain_hash, weaker
    cdef long period

    def __init__(self, lock, plain_hash, weaker=None):
        """`weaker` is the class of lines that do not replace others."""
        self.weaker = weaker
        entries = {}
        self.entries, self.lock, self.plain_hash = entries, lock, plain_hash
        remove = _remove_dead_weakref  # at exit nodes may outlive the names of this module
        self.forget = lambda entry: remove(entries, entry.key)

    def __len__(self):
        return len(self.entries)

    def nodes(self):
        """A list of all nodes."""
        found = [entry() for entry in list(self.entries.values())]
        return [node for node in found if node is not None]

    cdef Key key(self, kind, op, tuple inputs):
        cdef Key made = Key.__new__(Key)
        made.kind, made.inputs = kind, inputs
        made.op = type(op) if type(op).__hash__ is self.plain_hash else op
        made.hashed = hash((kind, made.op, inputs))
        return made

    cdef at(self, Key key):
        entry = self.entries.get(key)
        return None if entry is None else entry()

    def find(self, type kind, op, tuple inputs):
        """The node of a class, an op and inputs; None if there is none."""
        return self.at(self.key(kind, op, inputs))

    def enter(self, type kind, op, tuple inputs, inferred, tuple size_sources, origin):
        """The same node, which is made unless another thread has made it."""
        cdef Fields node = kind()
        node.op, node.inputs, node.type, node._origin = op, inputs, inferred, origin
        node.claimed = self.period
        node.needs = size_sources + inputs if size_sources else inputs
        key = self.key(kind, op, inputs)
        entry = Entry(node, self.forget)
        entry.key = key
        self.lock.acquire()
        try:
            # One look-up: a signal handler may make the same node while keys are compared.
            held = self.entries.setdefault(key, entry)
            found = held()
            if found is None:  # it has been freed, and is about to leave the table
                self.entries[key] = entry
                entry.key, held.key = held.key, None  # the key in the table stays
                found = node
            elif found is not node:
                entry.key = None  # it is not there
        finally:
            self.lock.release()
        return found

    def begin(self):
        """Begin a period."""
        self.period += 1

    cdef int claim(self, Fields node, origin) except -1:
        if (<tuple>node._origin)[1] != 0:  # it has a line
            if node.claimed == self.period or (<tuple>origin)[1] == 0:
                return 0
            if type(origin) is self.weaker and type(node._origin) is not self.weaker:
                return 0
        node._origin, node.claimed = origin, self.period
        return 0

    def made_again(self, Fields node, origin):
        """Record the line that makes a node which was there already, unless it has one of this
        period."""
        self.claim(node, origin)

    def written(self, Fields node, origin):
        """Record the line of the user's code in which a node is written that was there already."""
        if (<tuple>origin)[1] != 0:
            node._origin, node.claimed = origin, self.period

    def lines(self, list nodes):
        """The lines of nodes."""
        return [(<Fields>node)._origin for node in nodes]

    def exchange(self, list nodes, list lines):
        """Give nodes these lines, claimed now; their lines before."""
        cdef Fields node
        cdef Py_ssize_t k
        cdef list before = []
        for k in range(len(nodes)):
            node = nodes[k]
            before.append(node._origin)
            node._origin, node.claimed = lines[k], self.period
        return before

    def similar(self, Fields node, tuple inputs):
        """The node of the same class and op on other inputs: itself on its own; None where the type
        may be another one and must be inferred."""
        cdef Fields old, new
        cdef tuple own = node.inputs
        cdef Py_ssize_t k, count = len(own)
        if len(inputs) != count:
            return None if inputs else node
        for k in range(count):
            if inputs[k] is not own[k]:
                break
        else:
            return node
        kind = type(node)
        if kind.stands_for_another:
            return None
        found = self.at(self.key(kind, node.op, inputs))
        if found is not None:
            self.claim(<Fields>found, node._origin)
            return found
        for k in range(count):
            old, new = own[k], inputs[k]
            if old is new:
                continue
            if new.stands_for_another or (old.type is not new.type and old.type != new.type):
                return None
        # Operands of the same types give a result of the same type.
        sources = node.needs[: len(node.needs) - count]
        return self.enter(kind, node.op, inputs, node.type, sources, node._origin)


def unfinished(type kind, origin):
    """A node of a class whose op, inputs and type are properties, with the line that made it."""
    cdef Fields node = kind()
    node._origin = origin
    return node


cdef class Block:
    """A block in which nodes that are made get a line of the user's code: `origin` of `current`,
    which is local to a thread."""

    cdef readonly object origin
    cdef object current, before

    def __init__(self, current, origin):
        self.current, self.origin = current, origin

    def __enter__(self):
        self.before = getattr(self.current, "origin", None)
        self.current.origin = self.origin

    def __exit__(self, *error):
        self.current.origin = self.before


cdef class Lending:
    """Makes such blocks. Their line is `line`, else that of a node; with `derivative` it is of the
    class `weaker`."""

    cdef object current, weaker

    def __init__(self, current, weaker):
        self.current, self.weaker = current, weaker

    def __call__(self, node, line=None, derivative=False):
        if not line:
            line = (<Fields?>node)._origin
        return Block(self.current, self.weaker(line) if derivative else line)


def common_float(type kind, tuple inputs):
    """The dtype of floats of all nodes of a class among the inputs, if all others are Python
    numbers; None otherwise."""
    found = None
    for x in inputs:
        if isinstance(x, kind):
            dtype = (<Fields>x).type.dtype if not x.stands_for_another else x.node.type.dtype
            if found is None and dtype.kind == "f":
                found = dtype
            elif dtype is not found:
                return None
        elif type(x) is not float and type(x) is not int:
            return None
    return found


def common_type(type kind, tuple inputs):
    """The type of the result of a function of floats that has the dtype of its operands, where it
    is quick to tell: all are nodes of just this class and of one dtype, and of one shape or
    scalars; None otherwise. Symbolic sizes, whose `==` looks at the line that calls it, are not
    compared here."""
    cdef Fields first, node
    if not inputs or type(inputs[0]) is not kind:
        return None
    first = inputs[0]
    found, dtype = first.type, first.type.dtype
    if dtype.kind != "f":
        return None
    for x in inputs:
        if type(x) is not kind:
            return None
        node = x
        if node.type is found:
            continue
        if node.type.dtype is not dtype:
            return None
        shape, joint = node.type.shape, found.shape
        if not shape or shape is joint:
            continue
        if not joint:
            found = node.type
        elif not node.type.is_static or not found.is_static or shape != joint:
            return None
    return found


def sort(outputs, given):
    """All nodes that the outputs need, but those in `given` and what only they need, inputs before
    users."""
    cdef list order = [], stack
    cdef set done = set(given)
    cdef Fields node
    cdef Py_ssize_t k
    for output in outputs:
        stack = [output]
        while stack:
            item = stack.pop()
            if item is None:  # what the node below it needs is done
                node = stack.pop()
            else:
                node = item
                if node in done:
                    continue
                if node.needs:
                    stack.append(node)
                    stack.append(None)
                    for k in range(len(node.needs) - 1, -1, -1):
                        if node.needs[k] not in done:
                            stack.append(node.needs[k])
                    continue
            done.add(node)
            order.append(node)
    return order


def replaced(Interned table, list outputs, dict done, rebuilt):
    """The outputs over the replacements in `done`, to which all other nodes that they need are
    added. `rebuilt(node, done)` makes the node where more than its inputs may change."""
    cdef list stack = list(outputs)
    cdef Fields node
    cdef bint waiting
    while stack:
        node = stack[len(stack) - 1]  # negative indices are off here
        if node in done:
            stack.pop()
            continue
        waiting = False
        for x in node.needs:
            if x not in done:
                stack.append(x)
                waiting = True
        if waiting:
            continue
        stack.pop()
        found = None
        if len(node.needs) == len(node.inputs):
            found = table.similar(node, tuple([done[x] for x in node.inputs]))
        done[node] = rebuilt(node, done) if found is None else found
    return [done[output] for output in outputs]


cdef class Rewriter:
    """Rewrites nodes to a fixed point, their inputs first. Subclasses say what a node becomes.

    done    the final form of a node
    next    what a node becomes in one step: itself, where nothing is left to do
    forms   the form of a node as an operand, which `operand(node)` gives at first; where `plain`,
            that of most is just their op class: of those that neither are a literal (of the class
            `literal`) nor have all of their elements from another node
    usable  the rules for nodes of a form (their op class and the forms of their operands), which
            `learn(form)` gives at first

    `remade(node, inputs)` is the node over inputs of other types, `attempt(node, rules)` the node
    after the first rule that applies, `with_rewritten_bodies(node)` that of an op with bodies, and
    `give_up(node, after)` is told what rules undo.
    """

    cdef readonly dict done, next, forms, usable
    cdef Interned table
    cdef object same, literal
    cdef bint plain

    def __init__(self, Interned table, same, literal=None, bint plain=False):
        self.table, self.same, self.literal, self.plain = table, same, literal, plain
        self.done, self.next, self.forms, self.usable = {}, {}, {}, {}

    def finish(self, output):
        """Bring a node to its final form."""
        cdef dict done = self.done, following = self.next
        cdef list stack = [output]
        cdef Fields node
        cdef bint waiting
        while stack:
            node = stack[len(stack) - 1]
            if node in done:
                stack.pop()
                continue
            waiting = False
            for x in node.inputs:
                if x in done:
                    continue
                if x in following:  # the replacement of x contains x, which is left unchanged
                    self.give_up(x, following[x])
                    done[x] = x
                else:
                    stack.append(x)
                    waiting = True
            if waiting:
                continue
            after = following.get(node)
            if after is None:
                after = following[node] = self.step(node)
            if after is node or after in done:
                done[node] = done.get(after, after)
                stack.pop()
            elif after in following:
                self.give_up(node, after)
                done[after] = after
            else:
                stack.append(after)

    def step(self, Fields node):
        """The node on rewritten inputs; if it has these already, the result of one rule."""
        cdef tuple inputs = tuple([self.done[x] for x in node.inputs])
        found = self.table.similar(node, inputs)
        if found is not node:
            if found is None or (<Fields>found).type is not node.type:
                return self.remade(node, inputs)
            return found
        if node.op.has_bodies:
            return self.with_rewritten_bodies(node)
        return self.after_rules(node)

    def after_rules(self, Fields node):
        """The node after the first rule that applies to it; itself if none does."""
        cdef tuple inputs = node.inputs
        cdef Py_ssize_t count = len(inputs)
        kind = type(node.op)
        if count == 2:
            other = self.same if inputs[0] is inputs[1] else self.form(inputs[1])
            form = kind, self.form(inputs[0]), other
        elif count == 1:
            form = kind, self.form(inputs[0])
        else:
            form = (kind, *dict.fromkeys([self.form(x) for x in inputs]))
        rules = self.usable.get(form)
        if rules is None:
            rules = self.learn(form)
        return self.attempt(node, rules) if rules else node

    cdef form(self, Fields node):
        if self.plain and node.op is not None:  # it is where the node stands for another
            kind = type(node.op)
            if kind is not self.literal and not kind.reads_all:
                return kind
        found = self.forms.get(node)
        if found is None:
            found = self.forms[node] = self.operand(node)
        return found
