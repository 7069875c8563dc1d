/* A machine that runs the kernels of a plan without a C compiler.
 *
 * A program is an array of instructions over a frame of 8-byte cells. A cell is a scalar, or the
 * address of a vector register, of a buffer, or of lanes of a fold. A vector instruction works on
 * `len` elements, the iterations of one strip; registers are rounded up to a multiple of eight, and
 * what stands in the elements behind `len` is never read from memory, folded or stored.
 *
 * Each instruction is a function that ends with a tail call of the next one. What it stores to a
 * scalar cell as a double it also passes to the next one, as `top`: an instruction of a chain takes
 * an operand from there, without the delay of a load behind a store. Values are those of
 * the compiled module bit for bit: the same scalar functions, the same order of folds, no
 * contraction. All floating types are held as double, and float32 is rounded after each operation;
 * integers are held as 64 bits, and those of narrow types are wrapped.
 */
#ifndef PT_MACHINE_H
#define PT_MACHINE_H

#include <stdint.h>
#include <stddef.h>
#include <string.h>

typedef union pt_cell {
    double f;
    int64_t i;
    uint64_t u;
    void *p;
    double *pf;
    int64_t *pi;
    uint64_t *pu;
} pt_cell;

typedef struct pt_instr pt_instr;
typedef int (*pt_op)(pt_cell *f, const pt_instr *pc, int64_t len, double top);

/* `d` of a jump is the distance to its target, in instructions. */
struct pt_instr {
    pt_op op;
    int32_t a, b, c, d;
};

typedef struct pt_op_entry {
    const char *name;
    pt_op op;
} pt_op_entry;

/* Pairs of instructions: the one of singles j and k is pairs[count * j + k]. The last single is the
 * second of pairs alone. */
typedef struct pt_pairs {
    int64_t count;
    const pt_op *singles;
    const pt_op *pairs;
} pt_pairs;

/* A vector register: the cell that gets its address, and its place in the frame. `loads` says that
 * the next cell gets the address too, since a load may set the first one to memory. */
typedef struct pt_register {
    int32_t cell;
    int32_t loads;
    int64_t offset;
} pt_register;

/* Cells of the frame: its status, its program, the sizes, the buffers, then all others. */
enum { PT_STATUS, PT_PROGRAM, PT_FIRST };

typedef struct pt_program {
    const pt_instr *code;
    const int64_t *starts;      /* first instruction of each stage */
    const pt_cell *cells;       /* initial values of all cells */
    const pt_register *registers;
    int64_t stages;
    int64_t sizes;
    int64_t buffers;
    int64_t cell_count;
    int64_t register_count;
    size_t frame_bytes;
} pt_program;

#endif
