/* One chain's stream of random numbers: consecutive Philox 4x32-10 counters under one key.
 *
 * The key follows from the seed alone; the chain and the purpose are words of the counter, so no
 * two chains of a run can meet, whatever the number of chains.
 */
#ifndef PT_STREAM_H
#define PT_STREAM_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

static inline void pt_philox_block(const uint32_t counter[4], const uint32_t key[2],
                                   uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        const uint64_t a = (uint64_t) 0xD2511F53u * c0;
        const uint64_t b = (uint64_t) 0xCD9E8D57u * c2;
        c0 = (uint32_t) (b >> 32) ^ c1 ^ k0;
        c1 = (uint32_t) b;
        c2 = (uint32_t) (a >> 32) ^ c3 ^ k1;
        c3 = (uint32_t) a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

typedef struct {
    uint32_t key[2];
    uint32_t lane[2];  /* the counter's high words: the chain and the purpose */
    uint64_t block;    /* the counter's low words */
    double spare;      /* a block makes two uniforms; this is the second, */
    int has_spare;     /* while it waits */
} pt_stream;

static inline void pt_stream_open(pt_stream *stream, uint64_t seed, uint32_t chain,
                                  uint32_t purpose)
{
    /* A user may give the same number to a draw of the model. Deriving the key keeps the two
       streams apart. */
    const uint32_t salt[4] = {0x4e555453u, 0u, 0u, 0u};
    const uint32_t key[2] = {(uint32_t) seed, (uint32_t) (seed >> 32)};
    uint32_t out[4];
    pt_philox_block(salt, key, out);
    stream->key[0] = out[0];
    stream->key[1] = out[1];
    stream->lane[0] = chain;
    stream->lane[1] = purpose;
    stream->block = 0;
    stream->spare = 0.0;
    stream->has_spare = 0;
}

/* Two numbers of 53 bits, uniform on [0, 1). */
static inline void pt_stream_pair(pt_stream *stream, double *first, double *second)
{
    const uint32_t counter[4] = {(uint32_t) stream->block, (uint32_t) (stream->block >> 32),
                                 stream->lane[0], stream->lane[1]};
    uint32_t out[4];
    pt_philox_block(counter, stream->key, out);
    stream->block++;
    *first = (double) (((uint64_t) out[1] << 32 | out[0]) >> 11) * 0x1p-53;
    *second = (double) (((uint64_t) out[3] << 32 | out[2]) >> 11) * 0x1p-53;
}

static inline double pt_stream_uniform(pt_stream *stream)
{
    double value;
    if (stream->has_spare) {
        stream->has_spare = 0;
        return stream->spare;
    }
    pt_stream_pair(stream, &value, &stream->spare);
    stream->has_spare = 1;
    return value;
}

/* out[i] = scale[i] z[i] for n standard normals z, by Box and Muller (1958). */
static inline void pt_stream_normals(pt_stream *stream, ptrdiff_t n, const double *scale,
                                     double *out)
{
    const double turn = 6.283185307179586;
    double radius, angle;
    for (ptrdiff_t i = 0; i + 1 < n; i += 2) {
        pt_stream_pair(stream, &radius, &angle);
        radius = sqrt(-2.0 * log(1.0 - radius));
        out[i] = scale[i] * (radius * cos(turn * angle));
        out[i + 1] = scale[i + 1] * (radius * sin(turn * angle));
    }
    if (n % 2 == 1) {
        pt_stream_pair(stream, &radius, &angle);
        radius = sqrt(-2.0 * log(1.0 - radius));
        out[n - 1] = scale[n - 1] * (radius * cos(turn * angle));
    }
}

#endif
