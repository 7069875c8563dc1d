/* Atomic read-modify-write operations, for threads that may write to the same address:
 * pt_atomic_<op>_<dtype>(address, value), with op one of add, mul, max, min, and for bool one of
 * and, or. The meaning is that of the plain store: integers wrap, max and min keep nan, bools are
 * 0 or 1. The order of the threads is unspecified, so sums and products of floats vary in their
 * last bits.
 *
 * Where the device has no such instruction, a loop of compare-and-swap replaces the word of 4 or 8
 * bytes around the value. So memory must be allocated up to the next multiple of 4 bytes. Values
 * are accessed as words of other types: host compilers need -fno-strict-aliasing.
 */
#ifndef PT_ATOMIC_CUH
#define PT_ATOMIC_CUH

#include "pt_group.cuh"

template <class Word> PT_DEVICE Word *pt_word_around(const void *address)
{
    return (Word *) ((size_t) address & ~(size_t) (sizeof(Word) - 1));
}

template <class Word> PT_DEVICE int pt_shift_in_word(const void *address)
{
    return 8 * (int) ((size_t) address & (sizeof(Word) - 1));
}

template <class Type, class Word> PT_DEVICE Type pt_value_in_word(Word word, int shift)
{
    const Word low = word >> shift;
    Type value;
    memcpy(&value, &low, sizeof value);
    return value;
}

template <class Word, class Type> PT_DEVICE Word pt_word_with(Word word, Type value, int shift)
{
    const Word mask = (Word) (~(Word) 0 >> 8 * (sizeof(Word) - sizeof(Type))) << shift;
    Word low = 0;
    memcpy(&low, &value, sizeof value);
    return (word & ~mask) | low << shift;
}

/* No write if the value is unchanged: most calls of max and min only read. The first read is
 * volatile, so that no value from before a barrier is reused. */
template <class Word, class Type, class Join> PT_DEVICE void pt_atomic_loop(Type *address, Type y)
{
    Word *const word_address = pt_word_around<Word>(address);
    const int shift = pt_shift_in_word<Word>(address);
    Word found = *(volatile Word *) word_address;
    for (;;) {
        const Type joined = Join::of(pt_value_in_word<Type>(found, shift), y);
        const Word wanted = pt_word_with(found, joined, shift);
        if (wanted == found)
            return;
        const Word before = atomicCAS(word_address, found, wanted);
        if (before == found)
            return;
        found = before;
    }
}

#define PT_ATOMIC_LOOP(name, type, word, join) \
    struct pt_join_##name { \
        static __device__ type of(type x, type y) { return (type) (join); } \
    }; \
    PT_DEVICE void pt_atomic_##name(type *address, type y) \
    { \
        pt_atomic_loop<word, type, pt_join_##name>(address, y); \
    }
#define PT_ATOMIC_NATIVE(name, type, word, native) \
    PT_DEVICE void pt_atomic_##name(type *address, type y) \
    { \
        native((word *) address, (word) y); \
    }

#define PT_ATOMIC_FLOAT(dtype, type, word) \
    PT_ATOMIC_NATIVE(add_##dtype, type, type, atomicAdd) \
    PT_ATOMIC_LOOP(mul_##dtype, type, word, x * y) \
    PT_ATOMIC_LOOP(max_##dtype, type, word, pt_maximum(x, y)) \
    PT_ATOMIC_LOOP(min_##dtype, type, word, pt_minimum(x, y))
PT_ATOMIC_FLOAT(float32, float, unsigned)
PT_ATOMIC_FLOAT(float64, double, unsigned long long)
#undef PT_ATOMIC_FLOAT

/* same: the native type of that width and sign; word: the unsigned type of that width. */
#define PT_ATOMIC_WIDE(dtype, type, same, word) \
    PT_ATOMIC_NATIVE(add_##dtype, type, word, atomicAdd) \
    PT_ATOMIC_LOOP(mul_##dtype, type, word, (word) x * (word) y) \
    PT_ATOMIC_NATIVE(max_##dtype, type, same, atomicMax) \
    PT_ATOMIC_NATIVE(min_##dtype, type, same, atomicMin)
PT_ATOMIC_WIDE(int32, int32_t, int, unsigned)
PT_ATOMIC_WIDE(uint32, uint32_t, unsigned, unsigned)
PT_ATOMIC_WIDE(int64, int64_t, long long, unsigned long long)
PT_ATOMIC_WIDE(uint64, uint64_t, unsigned long long, unsigned long long)
#undef PT_ATOMIC_WIDE

#define PT_ATOMIC_NARROW(dtype, type) \
    PT_ATOMIC_LOOP(add_##dtype, type, unsigned, (unsigned) x + (unsigned) y) \
    PT_ATOMIC_LOOP(mul_##dtype, type, unsigned, (unsigned) x * (unsigned) y) \
    PT_ATOMIC_LOOP(max_##dtype, type, unsigned, x > y ? x : y) \
    PT_ATOMIC_LOOP(min_##dtype, type, unsigned, x < y ? x : y)
PT_ATOMIC_NARROW(int8, int8_t)
PT_ATOMIC_NARROW(uint8, uint8_t)
PT_ATOMIC_NARROW(int16, int16_t)
PT_ATOMIC_NARROW(uint16, uint16_t)
#undef PT_ATOMIC_NARROW
#undef PT_ATOMIC_NATIVE
#undef PT_ATOMIC_LOOP

PT_DEVICE void pt_atomic_or_bool(uint8_t *address, uint8_t y)
{
    if (y)
        atomicOr(pt_word_around<unsigned>(address), 1u << pt_shift_in_word<unsigned>(address));
}

PT_DEVICE void pt_atomic_and_bool(uint8_t *address, uint8_t y)
{
    if (!y)
        atomicAnd(pt_word_around<unsigned>(address),
                  ~(0xffu << pt_shift_in_word<unsigned>(address)));
}

#endif
