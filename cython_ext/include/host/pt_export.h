/* What exported models and functions need beside their own code: memory, the file with their data,
 * checks of indices, names of single values. Plain C, without Python; included by one .c file.
 */
#ifndef PT_EXPORT_H
#define PT_EXPORT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) || defined(__clang__)
#define PT_MAYBE static __attribute__((unused))
#else
#define PT_MAYBE static
#endif

/* Statuses of all exports. Positive ones have messages of their own. */
enum {
    PT_NO_MEMORY = -1,
    PT_NO_FILE = -2,
    PT_OTHER_FILE = -3,
    PT_TRUNCATED = -4,
    PT_DAMAGED = -5,
    PT_BAD_SIZE = -6,
    PT_TWO_BOUNDS = -7
};

PT_MAYBE const char *pt_error_text(int status)
{
    switch (status) {
    case 0: return "no error";
    case PT_NO_MEMORY: return "there is not enough memory";
    case PT_NO_FILE: return "the file with the data cannot be read";
    case PT_OTHER_FILE:
        return "this is not the file with the data of this model: that of another one, of arrays "
               "of other sizes, or of a machine with another order of bytes";
    case PT_TRUNCATED: return "the file with the data is too short or too long";
    case PT_DAMAGED: return "the file with the data is damaged: its check sum is wrong";
    case PT_BAD_SIZE: return "an array has a size that it cannot have";
    case PT_TWO_BOUNDS:
        return "an array holds negative indices and points into axes of two sizes: give "
               "non-negative ones";
    default: return "unknown status";
    }
}

/* Memory that grows, aligned as caches and vector registers are. */
#define PT_ALIGNMENT 64
typedef struct {
    char *block, *start;
    int64_t capacity;
} pt_room;

PT_MAYBE int pt_grow(pt_room *room, int64_t bytes)
{
    if (room->start && bytes <= room->capacity)
        return 0;
    free(room->block);
    room->start = NULL;
    room->block = bytes < 0 ? NULL : malloc((size_t) bytes + PT_ALIGNMENT);
    if (!room->block)
        return PT_NO_MEMORY;
    room->start = room->block + (PT_ALIGNMENT - (uintptr_t) room->block % PT_ALIGNMENT);
    room->capacity = bytes;
    return 0;
}

/* Arrays from a file, shared by contexts; freed by the last of them.
 *
 * The file: 64 bytes of head (magic, 1 as a word, identity, bytes of arrays, their CRC-32, zeros),
 * then the arrays, each at a multiple of 64 bytes, in the byte order of the machine that wrote it.
 */
#define PT_MAGIC "ProbTD1\n"
typedef struct {
    pt_room room;
    int64_t users;
} pt_data;

PT_MAYBE uint32_t pt_crc(const unsigned char *bytes, uint64_t count)
{
    uint32_t table[256], crc = 0xffffffffu;
    for (uint32_t k = 0; k < 256; k++) {
        table[k] = k;
        for (int bit = 0; bit < 8; bit++)
            table[k] = table[k] >> 1 ^ (table[k] & 1 ? 0xedb88320u : 0);
    }
    for (uint64_t k = 0; k < count; k++)
        crc = crc >> 8 ^ table[(crc ^ bytes[k]) & 255];
    return crc ^ 0xffffffffu;
}

PT_MAYBE int pt_read(FILE *file, pt_data *data, uint64_t identity, uint64_t bytes)
{
    uint64_t head[8];
    if (fread(head, 1, sizeof head, file) != sizeof head)
        return memcmp(head, PT_MAGIC, 8) ? PT_OTHER_FILE : PT_TRUNCATED;
    if (memcmp(head, PT_MAGIC, 8) || head[1] != 1 || head[2] != identity || head[3] != bytes)
        return PT_OTHER_FILE;
    if (pt_grow(&data->room, (int64_t) bytes))
        return PT_NO_MEMORY;
    if (fread(data->room.start, 1, bytes, file) != bytes || fgetc(file) != EOF)
        return PT_TRUNCATED;
    return pt_crc((unsigned char *) data->room.start, bytes) == head[4] ? 0 : PT_DAMAGED;
}

PT_MAYBE void pt_drop_data(pt_data *data)
{
    if (data && __atomic_sub_fetch(&data->users, 1, __ATOMIC_ACQ_REL) == 0) {
        free(data->room.block);
        free(data);
    }
}

PT_MAYBE pt_data *pt_share_data(pt_data *data)
{
    if (data)
        __atomic_add_fetch(&data->users, 1, __ATOMIC_RELAXED);
    return data;
}

/* The arrays of a file. Its identity depends on the model and on the sizes of its arrays. */
PT_MAYBE int pt_open_data(const char *path, uint64_t identity, uint64_t bytes, pt_data **made)
{
    FILE *file = path ? fopen(path, "rb") : NULL;
    int status;
    if (!file)
        return PT_NO_FILE;
    *made = calloc(1, sizeof **made);
    if (!*made) {
        fclose(file);
        return PT_NO_MEMORY;
    }
    (*made)->users = 1;
    status = pt_read(file, *made, identity, bytes);
    fclose(file);
    if (status) {
        pt_drop_data(*made);
        *made = NULL;
    }
    return status;
}

/* Sizes of a call. */

/* The product of sizes and the size of an element; -1 where it is too large for memory. */
PT_MAYBE int64_t pt_bytes(const int64_t *shape, int axes, int64_t element)
{
    int64_t found = element;
    for (int k = 0; k < axes; k++) {
        if (shape[k] < 0)
            return -1;
        if (shape[k] && found > ((int64_t) 1 << 62) / shape[k])
            return -1;
        found *= shape[k];
    }
    return found;
}

/* Offsets of `count` temporaries in one piece of memory; gives its bytes. Two overlap only if
 * their kernels, first[k] to last[k], do not. Largest first, each at the first place that is free.
 * `order` is room for `count` numbers: those that have a place, by their offsets. */
PT_MAYBE int64_t pt_place(int64_t count, const int64_t *bytes, const int64_t *first,
                          const int64_t *last, int64_t *offset, int64_t *order)
{
    int64_t total = 0;
    for (int64_t k = 0; k < count; k++)
        offset[k] = -1;
    for (int64_t placed = 0; placed < count; placed++) {
        int64_t next = -1, at = 0, position = placed;
        for (int64_t k = 0; k < count; k++)
            if (offset[k] < 0 && (next < 0 || bytes[k] > bytes[next]))
                next = k;
        for (int64_t j = 0; j < placed; j++) {
            const int64_t k = order[j];
            const int both_live = first[k] <= last[next] && first[next] <= last[k];
            if (both_live && offset[k] < at + bytes[next] && at < offset[k] + bytes[k])
                at = offset[k] + bytes[k];
        }
        for (; position > 0 && offset[order[position - 1]] > at; position--)
            order[position] = order[position - 1];
        order[position] = next;
        offset[next] = at;
        total = at + bytes[next] > total ? at + bytes[next] : total;
    }
    return total;
}

PT_MAYBE int64_t pt_aligned(int64_t bytes)
{
    const int64_t rounded = (bytes + PT_ALIGNMENT - 1) / PT_ALIGNMENT * PT_ALIGNMENT;
    return rounded < PT_ALIGNMENT ? PT_ALIGNMENT : rounded;
}

/* Indices into an axis of size `bound`: 1 if one is out of range, else 0 or a status above. Where
 * there are negative ones, `place` gets a copy in `room` with the bound added to them; `used` is
 * the bound that was added before, or -1. */
#define PT_INDICES(type) \
    PT_MAYBE int pt_indices_##type(const type *x, int64_t count, int64_t bound, void **place, \
                                   pt_room *room, int64_t *used) \
    { \
        int negative = 0; \
        for (int64_t i = 0; i < count; i++) { \
            const int64_t value = (int64_t) x[i]; \
            if (value >= bound || value < -bound || (x[i] > 0) != (value > 0)) \
                return 1; \
            negative |= value < 0; \
        } \
        if (!negative || *used == bound) \
            return 0; \
        if (*used >= 0) \
            return PT_TWO_BOUNDS; \
        if (pt_grow(room, count * (int64_t) sizeof(type))) \
            return PT_NO_MEMORY; \
        for (int64_t i = 0; i < count; i++) { \
            const int64_t value = (int64_t) x[i]; \
            ((type *) room->start)[i] = (type) (value < 0 ? value + bound : value); \
        } \
        *used = bound; \
        *place = room->start; \
        return 0; \
    }
PT_INDICES(int8_t)
PT_INDICES(int16_t)
PT_INDICES(int32_t)
PT_INDICES(int64_t)
PT_INDICES(uint8_t)
PT_INDICES(uint16_t)
PT_INDICES(uint32_t)
PT_INDICES(uint64_t)
#undef PT_INDICES

/* A variable of a model: its values begin at `start` of the vector of all of them. */
typedef struct {
    const char *name;
    int64_t start, count;
    int axes;
    const int64_t *shape;
    const char *const *dims; /* names of its axes, or NULL */
} pt_variable;

/* The name of one value, as "theta[3]" or "beta[0,2]", indices from 0, cut to `room` characters
 * with the final 0; gives the length of all of it, or -1 where there is no such value. */
PT_MAYBE int pt_value_name(const pt_variable *variables, int count, int64_t i, char *text,
                           int64_t room)
{
    for (int k = 0; k < count; k++) {
        const pt_variable *v = variables + k;
        int64_t rest = i - v->start, each = v->count;
        char index[24 * 64 + 3] = "";
        size_t length = 0;
        if (rest < 0 || rest >= v->count)
            continue;
        for (int axis = 0; axis < v->axes; axis++) {
            each /= v->shape[axis];
            length += (size_t) snprintf(index + length, sizeof index - length, "%s%lld",
                                        axis ? "," : "[", (long long) (rest / each));
            rest %= each;
        }
        if (v->axes)
            snprintf(index + length, sizeof index - length, "]");
        return snprintf(text, room > 0 ? (size_t) room : 0, "%s%s", v->name, index);
    }
    return -1;
}

#endif
