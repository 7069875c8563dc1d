/* One chain's stream of random numbers: the blocks 0, 1, 2, ... of one Philox key.
 *
 * The key follows from the seed, the chain and the purpose alone, so a chain's numbers do not
 * depend on how many chains run, and a constant folded in makes them differ from the draws of a
 * model with the same number as its key.
 */
#ifndef PT_STREAM_H
#define PT_STREAM_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pt_random.h"
#include "pt_vector.h"

#define PT_SAMPLER_KEY 0x6e757473u

typedef struct {
    uint64_t key;
    uint64_t next;
    double spare;   /* the second uniform of a block, */
    int has_spare;  /* if it is not used yet */
} pt_stream;

static inline void pt_stream_open(pt_stream *stream, uint64_t seed, uint64_t chain,
                                  uint64_t purpose)
{
    uint64_t key = pt_key_fold(seed, PT_SAMPLER_KEY);
    stream->key = pt_key_fold(pt_key_fold(key, chain), purpose);
    stream->next = 0;
    stream->spare = 0.0;
    stream->has_spare = 0;
}

static inline pt_philox_block pt_stream_block(pt_stream *stream)
{
    const pt_philox_block block = pt__block(stream->key, stream->next, 0u, PT_PURPOSE_DRAW);
    stream->next++;
    return block;
}

/* Uniform on (0, 1). */
static inline double pt_stream_uniform(pt_stream *stream)
{
    if (stream->has_spare) {
        stream->has_spare = 0;
        return stream->spare;
    }
    const pt_philox_block block = pt_stream_block(stream);
    stream->spare = pt__unit(block.word[2], block.word[3]);
    stream->has_spare = 1;
    return pt__unit(block.word[0], block.word[1]);
}

static inline uint64_t pt_low_word(pt_philox_block block)
{
    return (uint64_t) block.word[1] << 32 | block.word[0];
}

static inline uint64_t pt_high_word(pt_philox_block block)
{
    return (uint64_t) block.word[3] << 32 | block.word[2];
}

/* Normals by the ziggurat of Marsaglia and Tsang (2000, J. Stat. Soft. 5:8): the half density
   exp(-x^2/2) covered by 256 strips of equal area. Strip i spans the widths edge[i + 1] to
   edge[i]; the lowest, i = 0, has the tail beyond PT_TAIL, and a width that gives it the same
   area. Layer and abscissa come from different bits of a word (Doornik 2005). */
#define PT_STRIPS 256
#define PT_TAIL 3.6541528853610088
#define PT_STRIP_AREA 0.00492867323397465524

typedef struct {
    double edge[PT_STRIPS + 1];
    double height[PT_STRIPS + 1];  /* the density at each edge */
    double inside[PT_STRIPS];      /* fraction of its width that is entirely below the density */
} pt_ziggurat;

static inline void pt_ziggurat_fill(pt_ziggurat *z)
{
    z->edge[0] = PT_STRIP_AREA * exp(0.5 * PT_TAIL * PT_TAIL);
    z->edge[1] = PT_TAIL;
    for (int i = 2; i < PT_STRIPS; i++) {
        const double below = z->edge[i - 1];
        const double height = PT_STRIP_AREA / below + exp(-0.5 * below * below);
        z->edge[i] = sqrt(-2.0 * log(height));
    }
    z->edge[PT_STRIPS] = 0.0;
    for (int i = 0; i <= PT_STRIPS; i++)
        z->height[i] = exp(-0.5 * z->edge[i] * z->edge[i]);
    for (int i = 0; i < PT_STRIPS; i++)
        z->inside[i] = z->edge[i + 1] / z->edge[i];
}

/* Beyond PT_TAIL by Marsaglia (1964): an exponential, accepted. */
static double pt_normal_tail(pt_stream *stream)
{
    double x, y;
    do {
        x = -pt_log(pt_stream_uniform(stream)) / PT_TAIL;
        y = -pt_log(pt_stream_uniform(stream));
    } while (y + y < x * x);
    return PT_TAIL + x;
}

/* The standard normal of a word; about 1 in 80 needs more words of the stream. */
static inline double pt_normal_of(pt_stream *stream, const pt_ziggurat *z, uint64_t word)
{
    for (;;) {
        const unsigned strip = word & (PT_STRIPS - 1);
        const double share = (double) ((int64_t) word >> 10) * 0x1p-53;
        const double size = share < 0.0 ? -share : share;
        const double x = share * z->edge[strip];
        if (size < z->inside[strip])
            return x;
        if (strip == 0) {
            const double tail = pt_normal_tail(stream);
            return share < 0.0 ? -tail : tail;
        }
        const double drop = z->height[strip + 1] - z->height[strip];
        if (z->height[strip] + pt_stream_uniform(stream) * drop < pt_exp(-0.5 * x * x))
            return x;
        word = pt_low_word(pt_stream_block(stream));
    }
}

/* out[i] = scale[i] z[i] with z standard normal, for an even n. */
static inline void pt_stream_normals(pt_stream *stream, const pt_ziggurat *z, ptrdiff_t n,
                                     const double *PT_RESTRICT scale, double *PT_RESTRICT out)
{
    /* Make all words first, so that the multiplication chains of the blocks overlap. */
    for (ptrdiff_t i = 0; i < n; i += 2) {
        const pt_philox_block block = pt_stream_block(stream);
        const uint64_t words[2] = {pt_low_word(block), pt_high_word(block)};
        memcpy(out + i, words, sizeof words);
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        uint64_t word;
        memcpy(&word, out + i, sizeof word);
        out[i] = scale[i] * pt_normal_of(stream, z, word);
    }
}

#endif
