// CUDA's device functions for cuda_on_host.h, which includes this file.
//
// The overloads are exactly those of CUDA, so that what compiles here compiles there: no atomics
// on long, no shuffle of a struct.
#pragma once

#define CUDA_DYNAMIC_SHARED(T, name) T *name = static_cast<T *>(cuda_on_host::dynamic_shared<T>())
#define __syncthreads() cuda_on_host::barrier(__LINE__)
#undef assert
#define assert(e) \
    ((e) ? (void)0 : cuda_on_host::fail("line %d: assertion failed: %s", __LINE__, #e))
#define __syncthreads_count(p) cuda_on_host::barrier(__LINE__, (p) != 0)
#define __syncthreads_or(p) (cuda_on_host::barrier(__LINE__, (p) != 0) != 0)
#define __syncthreads_and(p) (cuda_on_host::barrier(__LINE__, (p) == 0) == 0)
inline void __trap() { cuda_on_host::fail("__trap()"); }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
inline void __syncwarp(unsigned mask = ~0u) { cuda_on_host::exchange(mask, 0, 0); }
inline unsigned __activemask() {
    return cuda_on_host::b.warps[cuda_on_host::current->thread / 32].alive;
}
template <class T> T __ldg(const T *p) { return *p; }
inline long long clock64() { static long long c; return ++c; }

template <class T> T __shfl_sync(unsigned mask, T v, int source, int width = 32) {
    int lane = cuda_on_host::lane();
    return cuda_on_host::exchange(mask, v, (lane & -width) | (source & (width - 1)));
}
template <class T> T __shfl_xor_sync(unsigned mask, T v, int bits, int width = 32) {
    int lane = cuda_on_host::lane(), source = lane ^ bits;
    return cuda_on_host::exchange(mask, v, source <= (lane | (width - 1)) ? source : lane);
}
template <class T> T __shfl_down_sync(unsigned mask, T v, unsigned delta, int width = 32) {
    int lane = cuda_on_host::lane(), source = lane + (int)delta;
    return cuda_on_host::exchange(mask, v, source <= (lane | (width - 1)) ? source : lane);
}
template <class T> T __shfl_up_sync(unsigned mask, T v, unsigned delta, int width = 32) {
    int lane = cuda_on_host::lane(), source = lane - (int)delta;
    return cuda_on_host::exchange(mask, v, source >= (lane & -width) ? source : lane);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
    int all[32], mine = predicate != 0;
    cuda_on_host::exchange(mask, mine, 0, all);
    unsigned r = 0;
    for (int i = 0; i < 32; i++) r |= (all[i] == 1 ? 1u : 0u) << i;
    return r & mask;
}
inline int __any_sync(unsigned mask, int p) { return __ballot_sync(mask, p) != 0; }
inline int __all_sync(unsigned mask, int p) { return __ballot_sync(mask, !p) == 0; }

template <class T> unsigned __match_any_sync(unsigned mask, T value) {
    static_assert(sizeof(T) >= 4, "CUDA matches words of four or eight bytes");
    T all[32];
    cuda_on_host::exchange(mask, value, 0, all);
    unsigned same = 0;
    for (int i = 0; i < 32; i++) same |= (std::memcmp(&all[i], &value, sizeof value) == 0) << i;
    return same & mask;
}
#define COH_WARP_FOLD(name, T, join)                             \
    inline T name(unsigned mask, T value) {                      \
        T all[32], folded = value;                               \
        int me = cuda_on_host::lane();                           \
        cuda_on_host::exchange(mask, value, 0, all);             \
        for (int i = 0; i < 32; i++)                             \
            if (i != me && (mask >> i & 1)) folded = join;       \
        return folded;                                           \
    }
COH_WARP_FOLD(__reduce_add_sync, unsigned, folded + all[i])
COH_WARP_FOLD(__reduce_min_sync, unsigned, all[i] < folded ? all[i] : folded)
COH_WARP_FOLD(__reduce_max_sync, unsigned, all[i] > folded ? all[i] : folded)
COH_WARP_FOLD(__reduce_and_sync, unsigned, folded & all[i])
COH_WARP_FOLD(__reduce_or_sync, unsigned, folded | all[i])
COH_WARP_FOLD(__reduce_add_sync, int, folded + all[i])
COH_WARP_FOLD(__reduce_min_sync, int, all[i] < folded ? all[i] : folded)
COH_WARP_FOLD(__reduce_max_sync, int, all[i] > folded ? all[i] : folded)
#undef COH_WARP_FOLD

// In one OS thread a plain read and write is atomic. The value converts as in CUDA's function.
template <class T> struct coh_same { using type = T; };
template <class T, class... A> constexpr bool coh_is_one_of = (std::is_same_v<T, A> || ...);
#define COH_ATOMIC(name, expression, ...)                                     \
    template <class T> T name(T *p, typename coh_same<T>::type v) {           \
        static_assert(coh_is_one_of<T, __VA_ARGS__>, #name ": not of CUDA");  \
        T old = *p;                                                           \
        *p = (expression);                                                    \
        return old;                                                           \
    }
COH_ATOMIC(atomicAdd, old + v, int, unsigned, unsigned long long, float, double)
COH_ATOMIC(atomicSub, old - v, int, unsigned)
COH_ATOMIC(atomicExch, v, int, unsigned, unsigned long long, float)
COH_ATOMIC(atomicMin, v < old ? v : old, int, unsigned, long long, unsigned long long)
COH_ATOMIC(atomicMax, v > old ? v : old, int, unsigned, long long, unsigned long long)
COH_ATOMIC(atomicAnd, old & v, int, unsigned, unsigned long long)
COH_ATOMIC(atomicOr, old | v, int, unsigned, unsigned long long)
COH_ATOMIC(atomicXor, old ^ v, int, unsigned, unsigned long long)
#undef COH_ATOMIC
template <class T>
T atomicCAS(T *p, typename coh_same<T>::type compare, typename coh_same<T>::type value) {
    static_assert(coh_is_one_of<T, unsigned short, int, unsigned, unsigned long long>,
                  "atomicCAS: not of CUDA");
    T old = *p;
    if (old == compare) *p = value;
    return old;
}

using std::isfinite;
using std::isinf;
using std::isnan;
template <class A, class B> std::common_type_t<A, B> min(A a, B b) {
    if constexpr (std::is_floating_point_v<std::common_type_t<A, B>>) return std::fmin(a, b);
    else return b < a ? b : a;
}
template <class A, class B> std::common_type_t<A, B> max(A a, B b) {
    if constexpr (std::is_floating_point_v<std::common_type_t<A, B>>) return std::fmax(a, b);
    else return b > a ? b : a;
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll(x) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __brev(unsigned x) {
    unsigned r = 0;
    for (int i = 0; i < 32; i++) r |= (x >> i & 1) << (31 - i);
    return r;
}
inline unsigned __umulhi(unsigned a, unsigned b) { return (std::uint64_t)a * b >> 32; }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned __int128)a * b >> 64;
}
template <class To, class From> To coh_bits(From f) {
    static_assert(sizeof(To) == sizeof(From));
    To t;
    std::memcpy(&t, &f, sizeof t);
    return t;
}
inline long long __double_as_longlong(double x) { return coh_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return coh_bits<double>(x); }
inline int __float_as_int(float x) { return coh_bits<int>(x); }
inline float __int_as_float(int x) { return coh_bits<float>(x); }
inline unsigned __float_as_uint(float x) { return coh_bits<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return coh_bits<float>(x); }

inline double rsqrt(double x) { return 1 / std::sqrt(x); }
inline float rsqrtf(float x) { return 1 / std::sqrt(x); }
inline double rcbrt(double x) { return 1 / std::cbrt(x); }
inline double sinpi(double x) { return std::sin(M_PI * std::fmod(x, 2)); }
inline double cospi(double x) { return std::cos(M_PI * std::fmod(x, 2)); }
inline double normcdf(double x) { return 0.5 * std::erfc(-x * M_SQRT1_2); }
inline double erfcx(double x) {
    if (x < 25) return std::exp(x * x) * std::erfc(x);
    return 1 / (x * std::sqrt(M_PI)) * (1 - 0.5 / (x * x));
}
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
// Rounded separately: never contracted to an fma.
#define COH_ROUNDED(T, letter, sign, name)                 \
    inline T __##letter##name##_rn(T a, T b) {             \
        volatile T r = a sign b;                           \
        return r;                                          \
    }
COH_ROUNDED(double, d, +, add)
COH_ROUNDED(double, d, -, sub)
COH_ROUNDED(double, d, *, mul)
COH_ROUNDED(double, d, /, div)
COH_ROUNDED(float, f, +, add)
COH_ROUNDED(float, f, -, sub)
COH_ROUNDED(float, f, *, mul)
COH_ROUNDED(float, f, /, div)
#undef COH_ROUNDED
inline double __fma_rn(double a, double b, double c) { return std::fma(a, b, c); }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline double __dsqrt_rn(double x) { return std::sqrt(x); }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }
