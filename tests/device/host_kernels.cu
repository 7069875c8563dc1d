// Kernels for the tests of the emulator. Valid CUDA: NVRTC compiles this file as it is.
#ifndef CUDA_DYNAMIC_SHARED
#define CUDA_DYNAMIC_SHARED(T, name) extern __shared__ T name[]
#endif
#define ALL 0xffffffffu

// A tree reduction in shared memory: eight barriers a block.
extern "C" __global__ void __launch_bounds__(256) tree_sum(const double *x, double *out, long n) {
    __shared__ double s[256];
    int t = threadIdx.x;
    double v = 0;
    for (long i = blockIdx.x * 256L + t; i < n; i += 256L * gridDim.x) v += x[i];
    s[t] = v;
    __syncthreads();
    for (int d = 128; d; d >>= 1) {
        if (t < d) s[t] += s[t + d];
        __syncthreads();
    }
    if (t == 0) atomicAdd(out, s[0]);
}
extern "C" __global__ void tree_sum_dynamic(const double *x, double *out) {
    CUDA_DYNAMIC_SHARED(double, s);
    int t = threadIdx.x;
    s[t] = x[t];
    for (int d = blockDim.x / 2; d; d >>= 1) {
        __syncthreads();
        if (t < d) s[t] += s[t + d];
    }
    if (t == 0) *out = s[0];
}

// Warp shuffles, then one value a warp through shared memory.
__device__ __forceinline__ double warp_sum(double v) {
    for (int d = 16; d; d >>= 1) v += __shfl_xor_sync(ALL, v, d);
    return v;
}
extern "C" __global__ void warp_sums(const double *x, double *out, long n) {
    __shared__ double s[32];
    int t = threadIdx.x, lane = t & 31;
    long step = (long)gridDim.x * blockDim.x;
    double v = 0;
    for (long i = blockIdx.x * (long)blockDim.x + t; i < n; i += step) v += x[i];
    v = warp_sum(v);
    if (lane == 0) s[t >> 5] = v;
    __syncthreads();
    if (t < 32) {
        v = warp_sum(t < (int)(blockDim.x + 31) / 32 ? s[t] : 0.0);
        if (t == 0) atomicAdd(out, v);
    }
}

// Inclusive prefix sum, a vote, the sums of half warps, equal values, bits and barriers that count.
extern "C" __global__ void warp_misc(const int *x, int *prefix, int *half, unsigned *words) {
    int lane = threadIdx.x, v = x[lane];
    for (int d = 1; d < 32; d <<= 1) {
        int u = __shfl_up_sync(ALL, v, d);
        if (lane >= d) v += u;
    }
    prefix[lane] = v;
    unsigned vote = __ballot_sync(ALL, x[lane] & 1);
    unsigned mask = lane < 16 ? 0xffffu : 0xffff0000u;
    int w = x[lane];
    for (int d = 8; d; d >>= 1) w += __shfl_down_sync(mask, w, d, 16);
    if ((lane & 15) == 0) half[lane >> 4] = w;
    unsigned same = __match_any_sync(ALL, x[lane]);
    int odd = __syncthreads_count(x[lane] & 1), any = __syncthreads_or(x[lane] == x[0]);
    int every = __syncthreads_and(x[lane] == x[0]);
    if (lane == 0) {
        words[0] = vote;
        words[1] = same;
        words[2] = odd * 4 + any * 2 + every;
        words[3] = __popc(vote) * 100 + __ffs(vote);
        words[4] = __brev(vote) >> (31 - __clz(__brev(vote)));
    }
    unsigned largest = __reduce_max_sync(ALL, (unsigned)x[lane]);
    int whole = __reduce_add_sync(ALL, x[lane]);
    if (lane == 31) {
        words[5] = largest;
        words[6] = whole;
    }
}

// Scatter; and atomicAdd by compare-and-swap, as CUDA's guide has it for old chips.
extern "C" __global__ void scatter(const double *g, const int *index, double *out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) atomicAdd(&out[index[i]], g[i]);
}
extern "C" __global__ void cas_add(double *out) {
    unsigned long long *p = (unsigned long long *)out, old = *p, seen;
    do {
        seen = old;
        double next = 1.0 + __longlong_as_double(seen);
        old = atomicCAS(p, seen, (unsigned long long)__double_as_longlong(next));
    } while (seen != old);
}
extern "C" __global__ void other_atomics(int *i, unsigned long long *u, float *f) {
    atomicMax(&i[0], (int)threadIdx.x);
    atomicMin(&i[1], -(int)threadIdx.x);
    atomicSub(&i[2], 1);
    atomicAnd(&u[0], ~(1ull << threadIdx.x));
    atomicOr(&u[1], 1ull << threadIdx.x);
    atomicXor(&u[2], 3ull);
    atomicAdd(f, 0.5f);
}

// Vectors of four and two, as one access each.
extern "C" __global__ void vectors(const float4 *x, double2 *out, longlong2 *whole) {
    float4 v = x[threadIdx.x];
    out[threadIdx.x] = make_double2(v.x + v.y, v.z + v.w);
    whole[threadIdx.x] = make_longlong2(blockIdx.x, threadIdx.x);
}

// A struct by value between parameters of other alignments.
struct table { void *place[2]; long long n; char mark; };
extern "C" __global__ void by_value(char first, table data, float last, double *out) {
    out[0] = first;
    out[1] = ((double *)data.place[1])[data.n] + data.mark;
    out[2] = last;
}

// Allowed: threads that have returned do not count at later barriers.
extern "C" __global__ void early_return(double *out, int n) {
    __shared__ double s;
    if ((int)threadIdx.x >= n) return;
    if (threadIdx.x == 0) s = 7;
    __syncthreads();
    out[threadIdx.x] = s + warpSize;
}

// Incorrect kernels, to be detected.
extern "C" __global__ void missing_barrier(const double *x, double *out) {
    __shared__ double s[64];
    s[threadIdx.x] = x[threadIdx.x];
    out[threadIdx.x] = s[(threadIdx.x + 1) % 64];
}
extern "C" __global__ void divergent_barrier(double *out) {
    if (threadIdx.x < 32) {
        __syncthreads();
    } else {
        __syncthreads();
    }
    out[threadIdx.x] = 1;
}
extern "C" __global__ void mixed_wait(double *out) {
    if (threadIdx.x == 0) __syncwarp();
    else __syncthreads();
    out[threadIdx.x] = 1;
}
extern "C" __global__ void wrong_mask(double *out) {
    out[threadIdx.x] = __shfl_sync(0x0000ffffu, (int)threadIdx.x, 0);
}
extern "C" __global__ void traps(double *out) {
    if (threadIdx.x == 3) __trap();
    out[threadIdx.x] = 1;
}
extern "C" __global__ void out_of_bounds(double *out, int n) {
    int i = threadIdx.x;
    if (i <= n) out[i] = i;
}
extern "C" __global__ void misaligned(const float *x, float *out) {
    float2 v = *(const float2 *)(x + 1);
    out[0] = v.x;
}
