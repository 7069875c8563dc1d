"""Programs of the machine of tier 0, and their frames; see include/machine/pt_machine.h."""

from libc.stdint cimport int32_t, int64_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from weakref import ref

cdef extern from *:
    """
    #if defined(__x86_64__) && defined(__GNUC__)
    static int pt_has_v3(void)
    {
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
            && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    }
    static int pt_has_v4(void)
    {
        return pt_has_v3() && __builtin_cpu_supports("avx512f")
            && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    }
    #else
    static int pt_has_v3(void) { return 0; }
    static int pt_has_v4(void) { return 0; }
    #endif
    """
    int pt_has_v3()
    int pt_has_v4()

cdef extern from "machine/pt_machine.h":
    ctypedef union pt_cell:
        int64_t i
        void *p
    ctypedef int (*pt_op)(
        pt_cell *f, const pt_instr *pc, int64_t len, double top
    ) noexcept nogil
    ctypedef struct pt_instr:
        pt_op op
        int32_t a
        int32_t b
        int32_t c
        int32_t d
    ctypedef struct pt_op_entry:
        const char *name
        pt_op op
    ctypedef struct pt_pairs:
        int64_t count
        const pt_op *singles
        const pt_op *pairs
    ctypedef struct pt_register:
        int32_t cell
        int32_t loads
        int64_t offset
    ctypedef struct pt_program:
        const pt_instr *code
        const int64_t *starts
        const pt_cell *cells
        const pt_register *registers
        int64_t stages
        int64_t sizes
        int64_t buffers
        int64_t cell_count
        int64_t register_count
        size_t frame_bytes
    int PT_PROGRAM
    enum: PT_FIRST


def runs_level(level):
    """Whether this processor can run a level of `cython_ext.levels`."""
    if level == "x86_64_v4":
        return bool(pt_has_v4())
    return bool(pt_has_v3()) if level == "x86_64_v3" else True


def names_of(uintptr_t table):
    """The names of the instructions in a table, in order."""
    cdef const pt_op_entry *entry = <const pt_op_entry *>table
    found = []
    while entry.name != NULL:
        found.append(entry.name.decode())
        entry += 1
    return found


def apply_function(uintptr_t table, Py_ssize_t function, Py_ssize_t end, double[::1] result,
                   tuple operands):
    """Set `result` to a function of one to five arrays of its length, a multiple of eight.

    function, end  the indices in the table of the function's instruction on vectors, and of `end`
    """
    cdef const pt_op_entry *ops = <const pt_op_entry *>table
    cdef pt_cell frame[PT_FIRST + 6]
    cdef pt_instr code[3]
    cdef double[::1] operand
    cdef Py_ssize_t k
    if not 0 < len(operands) < 6:
        raise ValueError("one to five operands")
    frame[0].i = 0
    frame[PT_FIRST].p = &result[0]
    for k in range(len(operands)):
        operand = operands[k]
        if operand.shape[0] != result.shape[0] or operand.shape[0] % 8:
            raise ValueError("operands of one length, a multiple of eight")
        frame[PT_FIRST + 1 + k].p = <void *>&operand[0]
    # The fourth and fifth stand in an instruction of their own, which the others do not run.
    code[0] = pt_instr(ops[function].op, PT_FIRST, PT_FIRST + 1, PT_FIRST + 2, PT_FIRST + 3)
    code[1] = pt_instr(ops[end].op, PT_FIRST + 4, PT_FIRST + 5, 0, 0)
    code[2] = pt_instr(ops[end].op, 0, 0, 0, 0)
    with nogil:
        code[0].op(frame, code, result.shape[0], 0.0)


cdef void init_frame(void *frame, const void *of) noexcept nogil:
    """Initialise the frame of a program: its cells, and the addresses of its registers."""
    cdef const pt_program *program = <const pt_program *>of
    cdef pt_cell *cells = <pt_cell *>frame
    cdef const pt_register *register
    cdef int64_t k
    memcpy(cells, program.cells, program.cell_count * sizeof(pt_cell))
    cells[PT_PROGRAM].p = <void *>program
    for k in range(program.register_count):
        register = &program.registers[k]
        cells[register.cell].p = <char *>frame + register.offset
        if register.loads:
            cells[register.cell + 1].p = <char *>frame + register.offset


cdef dict PLACES = {}  # of the instructions of a table among the singles of its pairs


cdef bytes places_of(uintptr_t table, const pt_pairs *pairs):
    """For each instruction of a table its place among the singles; 255 if it is not one."""
    found = PLACES.get(table)
    if found is not None:
        return found
    cdef const pt_op_entry *entry = <const pt_op_entry *>table
    cdef int64_t k
    places = bytearray()
    while entry.name != NULL:
        places.append(255)
        for k in range(pairs.count):
            if pairs.singles[k] == entry.op:
                places[len(places) - 1] = k
        entry += 1
    PLACES[table] = bytes(places)
    return PLACES[table]


cdef void *room(size_t count, size_t size) except NULL:
    cdef void *made = calloc(count + 1, size)
    if made == NULL:
        raise MemoryError()
    return made


# Weak references to all programs there are, for a profiler. One leaves by a builtin: in a callback
# of Python's own, Ctrl-C would be lost.
PROGRAMS = {}


def live_programs():
    """A list of all programs."""
    found = [entry() for entry in list(PROGRAMS)]
    return [program for program in found if program is not None]


cdef class Program:
    """A program, as the machine runs it.

    table      address of the table of instructions
    linked     address of its pairs of instructions
    code       five int32 for each instruction: its index in the table, a, b, c, d
    starts     the first instruction of each stage
    cells      initial values of the cells, as int64
    registers  (cell, whether it loads, offset in the frame) of each register, as int64
    sizes, buffers  of the plan
    frame_bytes     bytes of a frame
    """

    cdef object __weakref__
    cdef pt_program program
    cdef pt_instr *code
    cdef int64_t *starts
    cdef pt_cell *cells
    cdef pt_register *registers
    cdef readonly Py_ssize_t length

    def __init__(
        self, uintptr_t table, uintptr_t linked, const int32_t[::1] code, const int64_t[::1] starts,
        const int64_t[::1] cells, const int64_t[::1] registers, int64_t sizes, int64_t buffers,
        size_t frame_bytes,
    ):
        cdef const pt_op_entry *ops = <const pt_op_entry *>table
        cdef Py_ssize_t k, count = code.shape[0] // 5
        cdef int64_t first, second
        if self.code != NULL:
            raise RuntimeError("a program is made once")
        self.code = <pt_instr *>room(count, sizeof(pt_instr))
        self.starts = <int64_t *>room(starts.shape[0], sizeof(int64_t))
        self.cells = <pt_cell *>room(cells.shape[0], sizeof(pt_cell))
        self.registers = <pt_register *>room(registers.shape[0] // 3, sizeof(pt_register))
        for k in range(count):
            self.code[k].op = ops[code[5 * k]].op
            self.code[k].a = code[5 * k + 1]
            self.code[k].b = code[5 * k + 2]
            self.code[k].c = code[5 * k + 3]
            self.code[k].d = code[5 * k + 4]
        cdef const pt_pairs *pairs = <const pt_pairs *>linked
        cdef bytes kept = places_of(table, pairs)
        cdef const unsigned char *places = kept
        for k in range(count - 1):
            first, second = places[code[5 * k]], places[code[5 * k + 5]]
            if first < pairs.count - 1 and second < pairs.count:
                self.code[k].op = pairs.pairs[pairs.count * first + second]
        for k in range(starts.shape[0]):
            self.starts[k] = starts[k]
        for k in range(cells.shape[0]):
            self.cells[k].i = cells[k]
        for k in range(registers.shape[0] // 3):
            self.registers[k].cell = registers[3 * k]
            self.registers[k].loads = registers[3 * k + 1]
            self.registers[k].offset = registers[3 * k + 2]
        self.length = count
        self.program.code = self.code
        self.program.starts = self.starts
        self.program.cells = self.cells
        self.program.registers = self.registers
        self.program.stages = starts.shape[0]
        self.program.sizes = sizes
        self.program.buffers = buffers
        self.program.cell_count = cells.shape[0]
        self.program.register_count = registers.shape[0] // 3
        self.program.frame_bytes = frame_bytes
        PROGRAMS[ref(self, PROGRAMS.pop)] = None

    def __dealloc__(self):
        free(self.code)
        free(self.starts)
        free(self.cells)
        free(self.registers)

    @property
    def span(self):
        """The addresses of its instructions: of the first, and behind the last."""
        return <uintptr_t>self.code, <uintptr_t>(self.code + self.length)

    @property
    def address(self):
        """Address of the program, a pt_program."""
        return <uintptr_t>&self.program

    @property
    def frame_bytes(self):
        """Bytes of a frame."""
        return self.program.frame_bytes

    @property
    def frame_init(self):
        """Address of the function (frame, program) that initialises a frame."""
        return <uintptr_t>&init_frame
