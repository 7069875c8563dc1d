// A libcuda.so.1 without a GPU: enough of NVIDIA's driver for the real PyCUDA to allocate, copy,
// launch, time and capture graphs where there is no driver.
//
//   g++ -std=c++17 -O1 -w -fPIC -shared -Wl,-soname,libcuda.so.1 -o libcuda.so.1 fake_libcuda.cpp
//   ctypes.CDLL("libcuda.so.1", ctypes.RTLD_GLOBAL)   # before `import pycuda.driver`
//
// Kernels are libraries built with cuda_on_host.h; a "module" is such a library. Device memory is
// host memory of exactly the size asked for, filled with 0xff; copies, fills and frees are checked
// against the allocations. Work is done at once, but a failed kernel is reported as on a device:
// the launch succeeds, and every later call fails, until fake_cuda_mend() is called.
//
// FAKE_CUDA_MEMORY sets the memory of the device in bytes (1 GiB), FAKE_CUDA_DEVICES how many
// there are (1). Functions that PyCUDA links to and that are not here answer "not supported".
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using Ptr = unsigned long long;
enum {
    OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_DEVICE = 101,
    INVALID_IMAGE = 200, INVALID_CONTEXT = 201, NOT_FOUND = 500, LAUNCH_FAILED = 719,
    NOT_SUPPORTED = 801, CAPTURE_UNSUPPORTED = 900
};

namespace {
std::recursive_mutex kernel_mutex;  // fibers of a library belong to one OS thread at a time
using Lock = std::lock_guard<std::recursive_mutex>;
std::map<Ptr, std::size_t> allocations;
std::size_t used;
thread_local std::vector<void *> contexts;
std::string detail;
std::string failed_kernel;  // the kernel whose launch failed, or empty
struct Module { void *library; };
struct Function {
    int shared = 48 << 10;  // bytes that a launch may ask for
    int (*packed)(const unsigned *, unsigned, const void *);
    const char *(*error)();
    std::string name;
};

int say(int code, const std::string &text) { detail = text; return code; }
int state() {
    if (contexts.empty()) return INVALID_CONTEXT;
    return failed_kernel.empty() ? OK : say(LAUNCH_FAILED, failed_kernel);
}

// Stream capture: work on a capturing stream is recorded in its graph.
using Graph = std::vector<std::function<void()>>;
std::map<void *, Graph *> capturing;
std::map<void *, std::thread::id> capturers;
struct Queue { bool non_blocking; };
// A thread that captures may not copy synchronously nor allocate; and while a blocking stream is
// captured, no thread may use the default one (CUDA C++ Programming Guide,
// "Prohibited and Unhandled Operations").
bool barred(bool is_default) {
    for (auto &[stream, thread] : capturers) {
        bool blocking = !((Queue *)stream)->non_blocking;
        if (thread == std::this_thread::get_id() || (is_default && blocking))
            return true;
    }
    return false;
}
int submit(void *stream, std::function<void()> work) {
    Lock lock(kernel_mutex);
    if (int r = state()) return r;
    if (!stream && barred(true))
        return say(CAPTURE_UNSUPPORTED, "work on the default stream while another is captured");
    auto it = capturing.find(stream);
    if (it == capturing.end()) work();
    else it->second->push_back(std::move(work));
    return OK;
}

long number(const char *variable, long fallback) {
    const char *s = std::getenv(variable);
    return s ? std::strtol(s, nullptr, 10) : fallback;
}
std::size_t memory() { return number("FAKE_CUDA_MEMORY", 1l << 30); }
bool inside(Ptr p, std::size_t n) {
    auto it = allocations.upper_bound(p);
    if (it == allocations.begin()) return n == 0;
    --it;
    return p + n <= it->first + it->second;
}
int copy(void *to, const void *from, std::size_t n, bool device_to, bool device_from,
         void *stream = nullptr) {
    Lock lock(kernel_mutex);
    if (int r = state()) return r;
    if (!stream && barred(true))
        return say(CAPTURE_UNSUPPORTED, "a copy outside the stream that is captured");
    if ((device_to && !inside((Ptr)to, n)) || (device_from && !inside((Ptr)from, n)))
        return say(INVALID_VALUE,
                   "a copy of " + std::to_string(n) + " bytes leaves its allocation");
    return submit(stream, [=] { std::memmove(to, from, n); });
}
template <class T> int fill(Ptr p, T value, std::size_t n, void *stream = nullptr) {
    Lock lock(kernel_mutex);
    if (!inside(p, n * sizeof(T))) return say(INVALID_VALUE, "a fill leaves its allocation");
    return submit(stream, [=] {
        for (std::size_t i = 0; i < n; i++) ((T *)p)[i] = value;
    });
}
double now() {
    auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double>(since).count();
}
}  // namespace

#define API extern "C" __attribute__((visibility("default"))) int

// --- device and context
API fake_cuda_mend() { failed_kernel.clear(); return OK; }
API cuInit(unsigned) { return number("FAKE_CUDA_DEVICES", 1) ? OK : NO_DEVICE; }
API cuDriverGetVersion(int *v) { *v = 13000; return OK; }
API cuDeviceGetCount(int *n) { *n = number("FAKE_CUDA_DEVICES", 1); return OK; }
API cuDeviceGet(int *d, int i) { *d = 0; return i == 0 ? OK : INVALID_DEVICE; }
API cuDeviceGetName(char *s, int n, int) { std::snprintf(s, n, "fake device"); return OK; }
API cuDeviceComputeCapability(int *major, int *minor, int) { *major = 9, *minor = 0; return OK; }
API cuDeviceTotalMem_v2(std::size_t *n, int) { *n = memory(); return OK; }
API cuDeviceGetPCIBusId(char *s, int n, int) { std::snprintf(s, n, "0000:00:00.0"); return OK; }
API cuDeviceGetAttribute(int *v, int a, int) {
    static const std::map<int, int> values = {
        {1, 1024}, {2, 1024}, {3, 1024}, {4, 64}, {5, 0x7fffffff}, {6, 65535}, {7, 65535},
        {8, 49152}, {9, 65536}, {10, 32}, {11, 0x7fffffff}, {12, 65536}, {13, 1980000},
        {14, 512}, {16, 132}, {31, 1}, {36, 2619000}, {37, 5120}, {38, 50 << 20}, {39, 2048},
        {40, 3}, {41, 1}, {75, 9}, {76, 0}, {81, 233472}, {82, 65536}, {83, 1}, {97, 232448},
        {106, 32}};
    auto it = values.find(a);
    *v = it == values.end() ? 0 : it->second;
    return OK;
}
static int new_context(void **c) { *c = new char; contexts.push_back(*c); return OK; }
API cuCtxCreate_v4(void **c, void *, unsigned, int) { return new_context(c); }
API cuCtxCreate_v2(void **c, unsigned, int) { return new_context(c); }
API cuCtxSetCurrent(void *c) {
    if (!contexts.empty()) contexts.pop_back();
    if (c) contexts.push_back(c);
    return OK;
}
API cuCtxAttach(void **c, unsigned) {
    if (contexts.empty()) return INVALID_CONTEXT;
    *c = contexts.back();
    return OK;
}
API cuCtxDetach(void *) { return OK; }
API cuCtxDestroy_v2(void *) { return OK; }
API cuCtxPushCurrent_v2(void *c) { contexts.push_back(c); return OK; }
API cuCtxPopCurrent_v2(void **c) {
    if (contexts.empty()) return INVALID_CONTEXT;
    if (c) *c = contexts.back();
    contexts.pop_back();
    return OK;
}
API cuCtxGetCurrent(void **c) {
    *c = contexts.empty() ? nullptr : contexts.back();
    return OK;
}
API cuCtxGetDevice(int *d) { *d = 0; return contexts.empty() ? INVALID_CONTEXT : OK; }
API cuCtxSynchronize() { return state(); }
API cuCtxGetApiVersion(void *, unsigned *v) { *v = 13000; return OK; }
API cuDevicePrimaryCtxRetain(void **c, int) { static char primary; *c = &primary; return OK; }
API cuDevicePrimaryCtxRelease_v2(int) { return OK; }
API cuGetErrorString(int code, const char **s) {
    static const std::map<int, const char *> texts = {
        {INVALID_VALUE, "invalid argument"}, {OUT_OF_MEMORY, "out of memory"},
        {NO_DEVICE, "no CUDA-capable device is detected"},
        {INVALID_DEVICE, "invalid device ordinal"},
        {INVALID_IMAGE, "device kernel image is invalid"},
        {INVALID_CONTEXT, "invalid device context"}, {NOT_FOUND, "named symbol not found"},
        {LAUNCH_FAILED, "unspecified launch failure"},
        {NOT_SUPPORTED, "operation not supported by fake_libcuda"},
        {CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing"}};
    static std::string text;
    auto it = texts.find(code);
    text = it == texts.end() ? "error " + std::to_string(code) : it->second;
    if (!detail.empty()) text += ": " + detail, detail.clear();
    *s = text.c_str();
    return OK;
}

// --- memory
API cuMemAlloc_v2(Ptr *p, std::size_t n) {
    Lock lock(kernel_mutex);
    if (int r = state()) return r;
    if (n == 0) return INVALID_VALUE;
    if (barred(false))
        return say(CAPTURE_UNSUPPORTED, "an allocation while a stream is captured");
    if (used + n > memory()) return OUT_OF_MEMORY;
    // Exactly n bytes, so that AddressSanitizer detects an access past the end.
    void *q;
    if (posix_memalign(&q, 256, n)) return OUT_OF_MEMORY;
    std::memset(q, 0xff, n);
    allocations[*p = (Ptr)q] = n;
    used += n;
    return OK;
}
API cuMemAllocManaged(Ptr *p, std::size_t n, unsigned) { return cuMemAlloc_v2(p, n); }
API cuMemAllocPitch_v2(Ptr *p, std::size_t *pitch, std::size_t width, std::size_t height,
                       unsigned) {
    *pitch = (width + 511) / 512 * 512;
    return cuMemAlloc_v2(p, *pitch * height);
}
API cuMemFree_v2(Ptr p) {
    Lock lock(kernel_mutex);
    auto it = allocations.find(p);
    if (it == allocations.end())
        return say(INVALID_VALUE, "free of an address that was not allocated");
    used -= it->second;
    allocations.erase(it);
    std::free((void *)p);
    return OK;
}
API cuMemGetInfo_v2(std::size_t *free, std::size_t *total) {
    *total = memory();
    *free = *total - used;
    return state();
}
API cuMemGetAddressRange_v2(Ptr *base, std::size_t *n, Ptr p) {
    auto it = allocations.upper_bound(p);
    if (it == allocations.begin()) return NOT_FOUND;
    --it;
    if (base) *base = it->first;
    if (n) *n = it->second;
    return p < it->first + it->second ? OK : NOT_FOUND;
}
API cuMemHostAlloc(void **p, std::size_t n, unsigned) {
    return posix_memalign(p, 256, n) ? OUT_OF_MEMORY : OK;
}
API cuMemFreeHost(void *p) { std::free(p); return OK; }
API cuMemHostRegister_v2(void *, std::size_t, unsigned) { return OK; }
API cuMemHostUnregister(void *) { return OK; }
API cuMemcpyHtoDAsync_v2(Ptr to, const void *from, std::size_t n, void *s) {
    return copy((void *)to, from, n, true, false, s);
}
API cuMemcpyDtoHAsync_v2(void *to, Ptr from, std::size_t n, void *s) {
    return copy(to, (void *)from, n, false, true, s);
}
API cuMemcpyDtoDAsync_v2(Ptr to, Ptr from, std::size_t n, void *s) {
    return copy((void *)to, (void *)from, n, true, true, s);
}
API cuMemcpyHtoD_v2(Ptr to, const void *from, std::size_t n) {
    return cuMemcpyHtoDAsync_v2(to, from, n, nullptr);
}
API cuMemcpyDtoH_v2(void *to, Ptr from, std::size_t n) {
    return cuMemcpyDtoHAsync_v2(to, from, n, nullptr);
}
API cuMemcpyDtoD_v2(Ptr to, Ptr from, std::size_t n) {
    return cuMemcpyDtoDAsync_v2(to, from, n, nullptr);
}
API cuMemsetD8_v2(Ptr p, unsigned char v, std::size_t n) { return fill(p, v, n); }
API cuMemsetD16_v2(Ptr p, unsigned short v, std::size_t n) { return fill(p, v, n); }
API cuMemsetD32_v2(Ptr p, unsigned v, std::size_t n) { return fill(p, v, n); }
API cuMemsetD8Async(Ptr p, unsigned char v, std::size_t n, void *s) {
    return fill(p, v, n, s);
}
API cuMemsetD16Async(Ptr p, unsigned short v, std::size_t n, void *s) {
    return fill(p, v, n, s);
}
API cuMemsetD32Async(Ptr p, unsigned v, std::size_t n, void *s) {
    return fill(p, v, n, s);
}

// --- streams and events
API cuStreamCreate(void **s, unsigned flags) { *s = new Queue{flags == 1}; return OK; }
API cuStreamDestroy_v2(void *s) { delete (Queue *)s; return OK; }
API cuStreamSynchronize(void *s) { return capturing.count(s) ? CAPTURE_UNSUPPORTED : state(); }
API cuStreamQuery(void *s) { return capturing.count(s) ? CAPTURE_UNSUPPORTED : OK; }
API cuStreamBeginCapture_v2(void *s, int) {
    Lock lock(kernel_mutex);
    if (!s) return say(CAPTURE_UNSUPPORTED, "the default stream");
    if (!capturing.emplace(s, new Graph).second) return INVALID_VALUE;
    capturers[s] = std::this_thread::get_id();
    return OK;
}
API cuStreamEndCapture(void *s, Graph **g) {
    Lock lock(kernel_mutex);
    auto it = capturing.find(s);
    if (it == capturing.end()) return INVALID_VALUE;
    *g = it->second;
    capturing.erase(it);
    capturers.erase(s);
    return OK;
}
API cuStreamIsCapturing(void *s, int *yes) { *yes = capturing.count(s); return OK; }
API cuGraphInstantiateWithFlags(Graph **exec, Graph *g, unsigned long long) {
    *exec = new Graph(*g);
    return OK;
}
API cuGraphDestroy(Graph *g) { delete g; return OK; }
API cuGraphExecDestroy(Graph *g) { delete g; return OK; }
API cuGraphLaunch(Graph *exec, void *) {
    Lock lock(kernel_mutex);
    if (int r = state()) return r;
    for (auto &work : *exec) work();
    return OK;
}
API cuStreamWaitEvent(void *, void *, unsigned) { return OK; }
API cuEventCreate(void **e, unsigned) { *e = new double(0); return OK; }
API cuEventDestroy_v2(void *e) { delete (double *)e; return OK; }
API cuEventRecord(void *e, void *) { *(double *)e = now(); return OK; }
API cuEventSynchronize(void *) { return state(); }
API cuEventQuery(void *) { return OK; }
API cuEventElapsedTime_v2(float *ms, void *a, void *b) {
    *ms = (*(double *)b - *(double *)a) * 1e3;
    return OK;
}

// --- modules and launches
API cuModuleLoad(Module **m, const char *file) {
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library) return say(INVALID_IMAGE, dlerror());
    *m = new Module{library};
    return OK;
}
API cuModuleLoadDataEx(Module **m, const void *image, unsigned, void *, void *) {
    auto *h = (const Elf64_Ehdr *)image;
    if (std::memcmp(h->e_ident, ELFMAG, SELFMAG) || h->e_machine != EM_X86_64)
        return say(INVALID_IMAGE, "not a library for this machine (a cubin?)");
    std::size_t size = h->e_shoff + std::size_t(h->e_shnum) * h->e_shentsize, done = 0;
    // A unique name: dlopen would return the library already loaded under the same one.
    char name[] = "/tmp/kernel-XXXXXX";
    int fd = mkstemp(name);
    while (done < size) done += write(fd, (const char *)image + done, size - done);
    close(fd);
    int r = cuModuleLoad(m, name);
    unlink(name);
    return r;
}
API cuModuleLoadData(Module **m, const void *image) {
    return cuModuleLoadDataEx(m, image, 0, nullptr, nullptr);
}
API cuModuleUnload(Module *m) { dlclose(m->library); delete m; return OK; }
API cuModuleGetFunction(Function **f, Module *m, const char *name) {
    auto *g = new Function{};
    g->name = name;
    g->packed = (decltype(g->packed))dlsym(m->library, (g->name + "__launch_packed").c_str());
    g->error = (decltype(g->error))dlsym(m->library, "cuda_on_host_error");
    if (!g->packed || !g->error) return delete g, say(NOT_FOUND, name);
    *f = g;
    return OK;
}
API cuModuleGetGlobal_v2(Ptr *p, std::size_t *n, Module *m, const char *name) {
    void *address = dlsym(m->library, name);
    Dl_info info;
    const Elf64_Sym *symbol = nullptr;
    if (!address || !dladdr1(address, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol)
        return say(NOT_FOUND, name);
    allocations[*p = (Ptr)address] = *n = symbol->st_size;
    return OK;
}
API cuFuncGetAttribute(int *v, int a, Function *f) {
    *v = a == 0 ? 1024 : a == 4 ? 32 : a == 8 ? f->shared : 0;
    return OK;
}
API cuFuncSetAttribute(Function *f, int a, int v) {
    if (a != 8 || v > 227 << 10) return INVALID_VALUE;
    f->shared = v;
    return OK;
}
API cuFuncSetCacheConfig(Function *, int) { return OK; }
API cuFuncSetBlockShape(Function *, int, int, int) { return OK; }  // PyCUDA still calls it
API cuLaunchKernel(Function *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                   unsigned bz, unsigned shared, void *stream, void **params, void **extra) {
    if (params) return say(NOT_SUPPORTED, "a launch by kernelParams");
    if (!gx || !bx || bx * by * bz > 1024 || (int)shared > f->shared) return INVALID_VALUE;
    std::vector<unsigned> dims = {gx, gy, gz, bx, by, bz};
    const char *buffer = nullptr;
    std::size_t size = 0;
    for (; extra && *extra; extra += 2) {
        if (*extra == (void *)1) buffer = (const char *)extra[1];
        if (*extra == (void *)2) size = *(std::size_t *)extra[1];
    }
    std::vector<char> arguments(buffer, buffer + size);  // a copy, for a graph
    return submit(stream, [=] {
        if (failed_kernel.empty() && f->packed(dims.data(), shared, arguments.data()))
            failed_kernel = f->name + ": " + f->error();
    });
}

// --- the rest of what PyCUDA 2026.1 links to
#define NO(name) API name() { return say(NOT_SUPPORTED, #name); }
NO(cuArray3DCreate_v2) NO(cuArray3DGetDescriptor_v2) NO(cuArrayCreate_v2) NO(cuArrayDestroy)
NO(cuArrayGetDescriptor_v2) NO(cuCtxDisablePeerAccess) NO(cuCtxEnablePeerAccess)
NO(cuCtxGetCacheConfig) NO(cuCtxGetLimit) NO(cuCtxGetSharedMemConfig) NO(cuCtxSetCacheConfig)
NO(cuCtxSetLimit) NO(cuCtxSetSharedMemConfig) NO(cuDeviceCanAccessPeer) NO(cuDeviceGetByPCIBusId)
NO(cuFuncSetSharedSize) NO(cuIpcCloseMemHandle) NO(cuIpcGetEventHandle) NO(cuIpcGetMemHandle)
NO(cuIpcOpenEventHandle) NO(cuIpcOpenMemHandle_v2) NO(cuLaunch) NO(cuLaunchGrid)
NO(cuLaunchGridAsync) NO(cuLinkAddData_v2) NO(cuLinkAddFile_v2) NO(cuLinkComplete)
NO(cuLinkCreate_v2) NO(cuLinkDestroy) NO(cuMemHostGetDevicePointer_v2) NO(cuMemHostGetFlags)
NO(cuMemcpy2DAsync_v2) NO(cuMemcpy2DUnaligned_v2) NO(cuMemcpy2D_v2) NO(cuMemcpy3DAsync_v2)
NO(cuMemcpy3DPeer) NO(cuMemcpy3DPeerAsync) NO(cuMemcpy3D_v2) NO(cuMemcpyAtoA_v2)
NO(cuMemcpyAtoD_v2) NO(cuMemcpyAtoH_v2) NO(cuMemcpyDtoA_v2) NO(cuMemcpyHtoA_v2) NO(cuMemcpyPeer)
NO(cuMemcpyPeerAsync) NO(cuMemsetD2D16Async) NO(cuMemsetD2D16_v2) NO(cuMemsetD2D32Async)
NO(cuMemsetD2D32_v2) NO(cuMemsetD2D8Async) NO(cuMemsetD2D8_v2) NO(cuModuleGetSurfRef)
NO(cuModuleGetTexRef) NO(cuParamSetSize) NO(cuParamSetTexRef) NO(cuParamSetf) NO(cuParamSeti)
NO(cuParamSetv) NO(cuProfilerInitialize) NO(cuProfilerStart) NO(cuProfilerStop)
NO(cuStreamAttachMemAsync) NO(cuSurfRefGetArray) NO(cuSurfRefSetArray) NO(cuTexRefCreate)
NO(cuTexRefDestroy) NO(cuTexRefGetAddressMode) NO(cuTexRefGetAddress_v2) NO(cuTexRefGetArray)
NO(cuTexRefGetFilterMode) NO(cuTexRefGetFlags) NO(cuTexRefGetFormat) NO(cuTexRefSetAddress2D_v3)
NO(cuTexRefSetAddressMode) NO(cuTexRefSetAddress_v2) NO(cuTexRefSetArray)
NO(cuTexRefSetFilterMode) NO(cuTexRefSetFlags) NO(cuTexRefSetFormat)
