/* A machine for tests: its program is the address of another plan, which it calls. Without the frame
 * that it initialised, at an aligned address before the table of buffers, it fails. */
#include <stdint.h>

typedef int (*plan_fn)(void **buffers, const int64_t *sizes);
typedef struct {
    plan_fn plan;
    int64_t runs, frames;
} Program;
typedef struct {
    Program *program;
    uint64_t mark;
} Frame;

enum { FRAME_BYTES = sizeof(Frame), NO_FRAME = 1000 };
static const uint64_t MARK = 0x70726f6772616d21u;

int frame_bytes(void) { return FRAME_BYTES; }

void frame_init(void *frame, const void *program)
{
    Frame *made = frame;
    made->program = (Program *) program;
    made->mark = MARK;
    __atomic_add_fetch(&made->program->frames, 1, __ATOMIC_RELAXED);
}

int run(void **buffers, const int64_t *sizes)
{
    Frame *frame = buffers[-1];
    if (frame == 0 || (uintptr_t) frame % 64 || frame->mark != MARK)
        return NO_FRAME;
    __atomic_add_fetch(&frame->program->runs, 1, __ATOMIC_RELAXED);
    return frame->program->plan(buffers, sizes);
}
