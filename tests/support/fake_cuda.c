/* A CUDA driver, NVRTC, cuBLAS, cuSOLVER and NCCL on the host, for machines without a GPU: enough of them to run src/device/cuda.rs.
 *
 * Work on streams is not done when it is called but when it is waited for, as late as CUDA would ever do it. So a buffer
 * that is used again too early, or a result that is read too early, shows as wrong bytes. Built five times, with
 * -DDRIVER, -DNVRTC, -DCUBLAS, -DCUSOLVER and -DNCCL. FAKE_CUDA_MEMORY bytes can be allocated. Reserved addresses can be touched only where
 * memory is mapped and access was given. With FAKE_CUDA_FIXED set the device cannot reserve any.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef DRIVER
#define _GNU_SOURCE
#include <sys/mman.h>
enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_FOUND = 500, ILLEGAL_ADDRESS = 700 };
enum { COPY, SET8, SET32, RECORD, WAIT, FILL64, FILL32 };
#define OPERATIONS (1 << 16)

typedef struct { uint64_t place; struct stream *stream; } event;
typedef struct { int kind; uint64_t to, from, pitch_to, pitch_from, width, rows; double value; } operation;
typedef struct stream { operation *list; uint64_t called, done; } stream;

static _Atomic uint64_t allocated, pinned;
typedef struct { uint64_t bytes, padding[31]; } header;

/* Ranges of addresses, and pieces of memory that are mapped into them. */
#define GRANULARITY (2ul << 20)
#define PIECES 4096
typedef struct { uint64_t start, bytes; } range;
typedef struct { uint64_t bytes, address; int held, accessible; } piece;
static range ranges[256];
static piece pieces[PIECES];

static range *range_of(uint64_t address) {
    for (int i = 0; i < 256; i++)
        if (ranges[i].bytes && address - ranges[i].start < ranges[i].bytes) return &ranges[i];
    return NULL;
}

static piece *piece_at(uint64_t address) {
    for (int i = 0; i < PIECES; i++)
        if (pieces[i].address && address - pieces[i].address < pieces[i].bytes) return &pieces[i];
    return NULL;
}

/* Whether so many bytes can be touched, as far as addresses were reserved. */
static int usable(uint64_t address, uint64_t bytes) {
    uint64_t end = address + bytes;
    while (address < end && range_of(address)) {
        piece *p = piece_at(address);
        if (!p || !p->accessible) return 0;
        address = p->address + p->bytes;
    }
    return 1;
}

/* Memory is gone when nothing refers to it any more. */
static void drop(piece *p) {
    if (p->held || p->address) return;
    allocated -= p->bytes;
    memset(p, 0, sizeof *p);
}

static void run_until(stream *s, uint64_t place);

static void run(operation *o) {
    for (uint64_t row = 0; row < o->rows; row++) {
        uint8_t *to = (uint8_t *)(o->to + row * o->pitch_to);
        switch (o->kind) {
        case COPY: memcpy(to, (void *)(o->from + row * o->pitch_from), o->width); break;
        case SET8: memset(to, (int)o->from, o->width); break;
        case SET32: for (uint64_t i = 0; i < o->width; i++) ((uint32_t *)to)[i] = (uint32_t)o->from; break;
        case WAIT: run_until((stream *)o->to, o->from); break;
        case FILL64: for (uint64_t i = 0; i < o->width; i++) ((double *)to)[i] = o->value; break;
        case FILL32: for (uint64_t i = 0; i < o->width; i++) ((float *)to)[i] = (float)o->value; break;
        }
    }
}

static void run_until(stream *s, uint64_t place) {
    while (s->done < place) {
        s->done++;
        run(&s->list[s->done - 1]);
    }
}

static int call(void *handle, operation o) {
    stream *s = handle;
    if (s->called == OPERATIONS) return OUT_OF_MEMORY;
    for (uint64_t row = 0; row < o.rows && o.kind != WAIT; row++) {
        uint64_t unit = o.kind == COPY || o.kind == SET8 ? 1 : o.kind == FILL64 ? 8 : 4;
        if (!usable(o.to + row * o.pitch_to, o.width * unit)) return ILLEGAL_ADDRESS;
        if (o.kind == COPY && !usable(o.from + row * o.pitch_from, o.width)) return ILLEGAL_ADDRESS;
    }
    s->list[s->called++] = o;
    return SUCCESS;
}

int cuInit(unsigned flags) { return SUCCESS; }
int cuDriverGetVersion(int *version) { *version = 13000; return SUCCESS; }
int cuGetErrorName(int error, const char **text) { *text = error == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_FAKE"; return SUCCESS; }
int cuGetErrorString(int error, const char **text) { *text = "a failure made up"; return SUCCESS; }
int cuDeviceGetCount(int *count) { *count = 2; return SUCCESS; }
int cuDeviceGet(int *device, int number) { *device = number; return SUCCESS; }
int cuDeviceGetUuid_v2(void *uuid, int device) { memset(uuid, device + 1, 16); return SUCCESS; }
int cuDeviceGetName(char *name, int length, int device) { snprintf(name, length, "Fake GPU %d", device); return SUCCESS; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = 1 << 30; return SUCCESS; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    switch (attribute) {
    case 75: *value = 9; break;
    case 76: *value = 0; break;
    case 16: *value = 132; break;
    case 87: *value = 2; break;
    case 97: *value = 227 << 10; break;
    case 102: *value = !getenv("FAKE_CUDA_FIXED"); break;
    default: return INVALID_VALUE;
    }
    return SUCCESS;
}
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = (void *)(intptr_t)(device + 1); return SUCCESS; }
int cuDevicePrimaryCtxRelease_v2(int device) { return SUCCESS; }
int cuCtxSetCurrent(void *context) { return SUCCESS; }
int cuCtxGetStreamPriorityRange(int *least, int *greatest) { *least = 0; *greatest = -5; return SUCCESS; }
int cuStreamCreateWithPriority(stream **s, unsigned flags, int priority) {
    *s = calloc(1, sizeof(stream));
    (*s)->list = malloc(OPERATIONS * sizeof(operation));
    return SUCCESS;
}
int cuStreamDestroy_v2(stream *s) { free(s->list); free(s); return SUCCESS; }
int cuStreamSynchronize(stream *s) { run_until(s, s->called); return SUCCESS; }
/* Does a little more whenever it is asked. */
int cuStreamQuery(stream *s) {
    if (s->done == s->called) return SUCCESS;
    run_until(s, s->done + 1);
    return 600;
}
int cuEventCreate(event **e, unsigned flags) { *e = calloc(1, sizeof(event)); return SUCCESS; }
int cuEventDestroy_v2(event *e) { free(e); return SUCCESS; }
int cuEventRecord(event *e, stream *s) { e->stream = s; e->place = s->called; return SUCCESS; }
int cuEventSynchronize(event *e) { if (e->stream) run_until(e->stream, e->place); return SUCCESS; }
/* Does a little more whenever it is asked. */
int cuEventQuery(event *e) {
    if (!e->stream || e->stream->done >= e->place) return SUCCESS;
    run_until(e->stream, e->stream->done + 1);
    return 600;
}
/* A millisecond for each call in between. */
int cuEventElapsedTime(float *milliseconds, event *begin, event *end) { *milliseconds = (float)end->place - begin->place; return SUCCESS; }
int cuEventElapsedTime_v2(float *milliseconds, event *begin, event *end) { return cuEventElapsedTime(milliseconds, begin, end); }
int cuStreamWaitEvent(stream *s, event *e, unsigned flags) {
    if (!e->stream) return SUCCESS;
    return call(s, (operation){.kind = WAIT, .to = (uint64_t)e->stream, .from = e->place, .rows = 1});
}
static uint64_t memory(void) { const char *text = getenv("FAKE_CUDA_MEMORY"); return text ? strtoull(text, 0, 10) : 1 << 30; }
int cuMemGetInfo_v2(size_t *available, size_t *total) { *available = memory() - allocated; *total = memory(); return SUCCESS; }
int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
    if (bytes == 0) return INVALID_VALUE;
    if (bytes > memory() - allocated) return OUT_OF_MEMORY;
    header *block = aligned_alloc(256, (sizeof(header) + bytes + 255) / 256 * 256);
    memset(block, 0xA5, sizeof(header) + bytes);
    block->bytes = bytes;
    allocated += bytes;
    *address = (uint64_t)(block + 1);
    return SUCCESS;
}
int cuMemFree_v2(uint64_t address) {
    header *block = (header *)address - 1;
    allocated -= block->bytes;
    free(block);
    return SUCCESS;
}
/* CUmemAllocationProp and CUmemAccessDesc of cuda.h: memory of one device, pinned there, to be read and written. */
typedef struct { int type, handles, location, device; void *windows; unsigned char flags[8]; } properties;
typedef struct { int location, device, flags; } access;
static int valid(const properties *p) { return p->type == 1 && p->handles == 0 && p->location == 1 && p->device < 2; }

int cuMemGetAllocationGranularity(size_t *bytes, const properties *p, int option) {
    if (!valid(p) || option != 0) return INVALID_VALUE;
    *bytes = GRANULARITY;
    return SUCCESS;
}
int cuMemAddressReserve(uint64_t *address, size_t bytes, size_t alignment, uint64_t wanted, unsigned long long flags) {
    if (!bytes || bytes % GRANULARITY || wanted || flags) return INVALID_VALUE;
    for (int i = 0; i < 256; i++) {
        if (ranges[i].bytes) continue;
        void *start = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (start == MAP_FAILED) return OUT_OF_MEMORY;
        ranges[i] = (range){(uint64_t)start, bytes};
        *address = (uint64_t)start;
        return SUCCESS;
    }
    return OUT_OF_MEMORY;
}
int cuMemAddressFree(uint64_t address, size_t bytes) {
    range *r = range_of(address);
    if (!r || r->start != address || r->bytes != bytes) return INVALID_VALUE;
    for (int i = 0; i < PIECES; i++)
        if (pieces[i].address && range_of(pieces[i].address) == r) return INVALID_VALUE;
    munmap((void *)address, bytes);
    r->bytes = 0;
    return SUCCESS;
}
int cuMemCreate(unsigned long long *handle, size_t bytes, const properties *p, unsigned long long flags) {
    if (!bytes || bytes % GRANULARITY || !valid(p) || flags) return INVALID_VALUE;
    if (bytes > memory() - allocated) return OUT_OF_MEMORY;
    for (int i = 0; i < PIECES; i++) {
        if (pieces[i].held || pieces[i].address) continue;
        pieces[i] = (piece){.bytes = bytes, .held = 1};
        allocated += bytes;
        *handle = i + 1;
        return SUCCESS;
    }
    return OUT_OF_MEMORY;
}
int cuMemMap(uint64_t address, size_t bytes, size_t offset, unsigned long long handle, unsigned long long flags) {
    piece *p = &pieces[handle - 1];
    range *r = range_of(address);
    if (handle - 1 >= PIECES || !p->held || p->address || offset || flags || bytes != p->bytes || !r) return INVALID_VALUE;
    if (address % GRANULARITY != r->start % GRANULARITY || address + bytes > r->start + r->bytes) return INVALID_VALUE;
    for (uint64_t at = address; at < address + bytes; at += GRANULARITY)
        if (piece_at(at)) return INVALID_VALUE;
    p->address = address;
    return SUCCESS;
}
int cuMemSetAccess(uint64_t address, size_t bytes, const access *a, size_t count) {
    piece *p = piece_at(address);
    if (!p || p->address != address || p->bytes != bytes || count != 1 || a->location != 1 || a->flags != 3) return INVALID_VALUE;
    mprotect((void *)address, bytes, PROT_READ | PROT_WRITE);
    memset((void *)address, 0xA5, bytes);
    p->accessible = 1;
    return SUCCESS;
}
int cuMemUnmap(uint64_t address, size_t bytes) {
    piece *p = piece_at(address);
    if (!p || p->address != address || p->bytes != bytes) return INVALID_VALUE;
    mprotect((void *)address, bytes, PROT_NONE);
    p->address = p->accessible = 0;
    drop(p);
    return SUCCESS;
}
int cuMemRelease(unsigned long long handle) {
    piece *p = &pieces[handle - 1];
    if (handle - 1 >= PIECES || !p->held) return INVALID_VALUE;
    p->held = 0;
    drop(p);
    return SUCCESS;
}
/* The host has twice as much memory that can be pinned. */
typedef struct { uint64_t bytes, flags, padding[30]; } pinned_header;
int cuMemHostAlloc(void **address, size_t bytes, unsigned flags) {
    if (bytes > 2 * memory() - pinned) return OUT_OF_MEMORY;
    pinned_header *block = aligned_alloc(256, (sizeof(pinned_header) + bytes + 255) / 256 * 256);
    *block = (pinned_header){bytes, flags};
    pinned += bytes;
    *address = block + 1;
    return SUCCESS;
}
int cuMemHostGetDevicePointer_v2(uint64_t *address, void *own, unsigned flags) {
    if (!(((pinned_header *)own - 1)->flags & 2) || flags) return INVALID_VALUE;
    *address = (uint64_t)own;
    return SUCCESS;
}
int cuMemFreeHost(void *address) {
    pinned_header *block = (pinned_header *)address - 1;
    pinned -= block->bytes;
    free(block);
    return SUCCESS;
}
/* Which way it goes is seen by the addresses. */
int cuMemcpyAsync(uint64_t to, uint64_t from, size_t bytes, stream *s) {
    return call(s, (operation){.kind = COPY, .to = to, .from = from, .width = bytes, .rows = 1});
}
int cuMemsetD8Async(uint64_t to, unsigned char value, size_t bytes, stream *s) {
    return call(s, (operation){.kind = SET8, .to = to, .from = value, .width = bytes, .rows = 1});
}
int cuMemsetD2D8Async(uint64_t to, size_t pitch, unsigned char value, size_t width, size_t rows, stream *s) {
    return call(s, (operation){.kind = SET8, .to = to, .from = value, .pitch_to = pitch, .width = width, .rows = rows});
}
int cuMemsetD2D32Async(uint64_t to, size_t pitch, unsigned value, size_t width, size_t rows, stream *s) {
    return call(s, (operation){.kind = SET32, .to = to, .from = value, .pitch_to = pitch, .width = width, .rows = rows});
}
/* CUDA_MEMCPY2D of cuda.h. */
typedef struct {
    size_t source_x, source_y; int source_type; const void *source_host; uint64_t source; void *source_array; size_t source_pitch;
    size_t x, y; int type; void *host; uint64_t address; void *array; size_t pitch;
    size_t width, height;
} copy2d;
int cuMemcpy2DAsync_v2(const copy2d *c, stream *s) {
    if (c->source_type != 4 || c->type != 4 || c->width > c->pitch || c->width > c->source_pitch) return INVALID_VALUE;
    return call(s, (operation){.kind = COPY, .to = c->address, .from = c->source, .pitch_to = c->pitch, .pitch_from = c->source_pitch,
                               .width = c->width, .rows = c->height});
}
/* A module is its cubin's text, "cubin of FILE REAL"; its functions are numbers. */
int cuModuleLoadData(char **module, const char *image) {
    if (strncmp(image, "cubin of ", 9)) return 200;
    *module = strdup(image);
    return SUCCESS;
}
int cuModuleUnload(char *module) { free(module); return SUCCESS; }
int cuModuleGetFunction(void **function, const char *module, const char *name) {
    if (!strcmp(module, "cubin of sums.cu double") && !strcmp(name, "sum_parts_f64")) *function = (void *)FILL64;
    else if (!strcmp(module, "cubin of sums.cu float") && !strcmp(name, "sum_parts_f32")) *function = (void *)FILL32;
    else return NOT_FOUND;
    return SUCCESS;
}
int cuFuncGetAttribute(int *value, int attribute, void *function) { *value = 1024; return SUCCESS; }
int cuFuncSetAttribute(void *function, int attribute, int value) { return attribute == 8 && value == (227 << 10) - 1024 ? SUCCESS : INVALID_VALUE; }
int cuLaunchKernel(void *function, unsigned x, unsigned y, unsigned z, unsigned a, unsigned b, unsigned c, unsigned shared,
                   stream *s, void **parameters, void **extra) {
    struct { uint64_t numbers, count; double value; } fill;
    if (parameters || extra[0] != (void *)1 || extra[2] != (void *)2 || extra[4]) return INVALID_VALUE;
    if (*(size_t *)extra[3] != sizeof fill || a > 1024 || y != 1 || z != 1 || b != 1 || c != 1) return INVALID_VALUE;
    memcpy(&fill, extra[1], sizeof fill);
    return call(s, (operation){.kind = (int)(intptr_t)function, .to = fill.numbers, .width = fill.count, .value = fill.value, .rows = 1});
}
#endif

#ifdef NVRTC
typedef struct { char code[200]; int failed; } program;
const char *nvrtcGetErrorString(int error) { return "NVRTC_ERROR_COMPILATION"; }
int nvrtcVersion(int *major, int *minor) { *major = 13; *minor = 0; return 0; }
int nvrtcCreateProgram(program **p, const char *text, const char *name, int count, const char **headers, const char **names) {
    *p = calloc(1, sizeof(program));
    snprintf((*p)->code, sizeof (*p)->code, "cubin of %s", name);
    return 0;
}
int nvrtcCompileProgram(program *p, int count, const char **options) {
    FILE *log = fopen(getenv("FAKE_NVRTC_LOG"), "a");
    fprintf(log, "%s\n", p->code);
    fclose(log);
    for (int i = 0; i < count; i++)
        if (!strncmp(options[i], "--define-macro=REAL=", 20)) { strcat(p->code, " "); strcat(p->code, options[i] + 20); }
    return 0;
}
int nvrtcGetProgramLogSize(program *p, size_t *size) { *size = 1; return 0; }
int nvrtcGetProgramLog(program *p, char *log) { *log = 0; return 0; }
int nvrtcGetCUBINSize(program *p, size_t *size) { *size = strlen(p->code) + 1; return 0; }
int nvrtcGetCUBIN(program *p, char *code) { strcpy(code, p->code); return 0; }
int nvrtcDestroyProgram(program **p) { free(*p); return 0; }
#endif

#ifdef CUBLAS
#include <complex.h>
const char *cublasGetStatusString(int status) { return "a failure made up"; }
int cublasCreate_v2(void **handle) { *handle = calloc(1, sizeof(void *)); return 0; }
int cublasDestroy_v2(void **handle) { free(handle); return 0; }
int cublasSetStream_v2(void **handle, void *stream) { *handle = stream; return 0; }
int cublasGetProperty(int part, int *value) { *value = 13 - part; return 0; }
int cuStreamSynchronize(void *stream) __attribute__((weak));

/* Works at once, on what the stream has done by then. */
#define GEMM(name, number, conjugate)                                                                                        \
    static number name##_entry(const number *m, int64_t stride, int form, int64_t row, int64_t column) {                    \
        if (form == 0) return m[row + column * stride];                                                                      \
        number value = m[column + row * stride];                                                                             \
        return form == 2 ? conjugate(value) : value;                                                                         \
    }                                                                                                                        \
    int name(void **handle, int fa, int fb, int64_t m, int64_t n, int64_t k, const number *alpha, const number *a,           \
             int64_t lda, const number *b, int64_t ldb, const number *beta, number *c, int64_t ldc) {                        \
        if (cuStreamSynchronize) cuStreamSynchronize(*handle);                                                               \
        for (int64_t j = 0; j < n; j++)                                                                                      \
            for (int64_t i = 0; i < m; i++) {                                                                                \
                number sum = 0;                                                                                              \
                for (int64_t l = 0; l < k; l++) sum += name##_entry(a, lda, fa, i, l) * name##_entry(b, ldb, fb, l, j);      \
                number *out = &c[i + j * ldc];                                                                               \
                *out = *alpha * sum + (*beta == 0 ? 0 : *beta * *out);                                                       \
            }                                                                                                                \
        return 0;                                                                                                            \
    }
GEMM(cublasZgemm_v2_64, double complex, conj)
GEMM(cublasCgemm_v2_64, float complex, conjf)

/* The part on and above the diagonal only, as it is called for. */
int cublasZherk_v2_64(void **handle, int part, int form, int64_t n, int64_t k, const double *alpha, const double complex *a,
                      int64_t lda, const double *beta, double complex *c, int64_t ldc) {
    if (part != 1 || form != 0 || lda < n || ldc < n) return 7;
    if (cuStreamSynchronize) cuStreamSynchronize(*handle);
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i <= j; i++) {
            double complex sum = 0, *out = &c[i + j * ldc];
            for (int64_t l = 0; l < k; l++) sum += a[i + l * lda] * conj(a[j + l * lda]);
            sum = *alpha * sum + (*beta == 0 ? 0 : *beta * *out);
            *out = i == j ? creal(sum) : sum;
        }
    return 0;
}
#endif

#ifdef CUSOLVER
/* FAKE_CUSOLVER=wrong spoils an eigenvector, =diverges says that there are none. */
#include <complex.h>
#include <math.h>
typedef double complex number;
int cusolverDnCreate(void ***handle) { *handle = calloc(1, sizeof(void *)); return 0; }
int cusolverDnDestroy(void **handle) { free(handle); return 0; }
int cusolverDnSetStream(void **handle, void *stream) { *handle = stream; return 0; }
int cusolverGetProperty(int part, int *value) { *value = 12 - part; return 0; }
int cuStreamSynchronize(void *stream) __attribute__((weak));
int cusolverDnZheevd_bufferSize(void **handle, int mode, int part, int n, const number *a, int lda, const double *w, int *entries) {
    *entries = n * n;
    return 0;
}

/* Householder's reflections make m tridiagonal, with diagonal d and beside it e, real; q is what they come to. */
static void tridiagonal(number *m, number *q, double *d, double *e, int n) {
    number *v = malloc(n * sizeof(number)), phase = 1;
    for (int k = 0; k + 2 < n; k++) {
        double square = 0;
        for (int i = k + 1; i < n; i++) square += creal(m[i + k * n] * conj(m[i + k * n]));
        number first = m[k + 1 + k * n];
        if (square == 0) continue;
        for (int i = 0; i < n; i++) v[i] = i > k ? m[i + k * n] : 0;
        v[k + 1] += (cabs(first) > 0 ? first / cabs(first) : 1) * sqrt(square);
        double length = 0;
        for (int i = k + 1; i < n; i++) length += creal(v[i] * conj(v[i]));
        for (int side = 0; side < 3; side++) {
            number *of = side < 2 ? m : q;
            int along = side ? n : 1, across = side ? 1 : n;
            for (int line = 0; line < n; line++) {
                number sum = 0, *x = of + line * across;
                for (int i = k + 1; i < n; i++) sum += (side ? v[i] : conj(v[i])) * x[i * along];
                sum *= 2 / length;
                for (int i = k + 1; i < n; i++) x[i * along] -= sum * (side ? conj(v[i]) : v[i]);
            }
        }
    }
    for (int k = 0; k < n; k++) {
        number beside = k + 1 < n ? m[k + 1 + k * n] : 0;
        d[k] = creal(m[k + k * n]), e[k] = cabs(beside);
        for (int i = 0; i < n; i++) q[i + k * n] *= phase;
        if (e[k] > 0) phase *= beside / e[k];
    }
    free(v);
}

/* The QL algorithm with implicit shifts makes the tridiagonal matrix diagonal and turns the columns of q; false if it does not end. */
static int diagonal(double *d, double *e, number *q, int n) {
    int l = 0, m, rounds = 0;
    double most = 0;
    for (int i = 0; i < n; i++) most = fmax(most, fabs(d[i]) + e[i]);
    while (l < n) {
        for (m = l; m < n - 1 && fabs(e[m]) > 1.2e-16 * (fabs(d[m]) + fabs(d[m + 1])) + 3e-17 * most; m++);
        if (m == l) { l++, rounds = 0; continue; }
        if (rounds++ == 50) return 0;
        double g = (d[l + 1] - d[l]) / (2 * e[l]), r = hypot(g, 1), s = 1, c = 1, p = 0;
        g = d[m] - d[l] + e[l] / (g + copysign(r, g));
        int i = m - 1;
        for (; i >= l; i--) {
            double f = s * e[i], b = c * e[i];
            e[i + 1] = r = hypot(f, g);
            if (r == 0) { d[i + 1] -= p, e[m] = 0; break; }
            s = f / r, c = g / r, g = d[i + 1] - p;
            r = (d[i] - g) * s + 2 * c * b, p = s * r, d[i + 1] = g + p, g = c * r - b;
            for (int k = 0; k < n; k++) {
                number *x = &q[k + i * n], *y = x + n, old = *y;
                *y = s * *x + c * old;
                *x = c * *x - s * old;
            }
        }
        if (i < l) d[l] -= p, e[l] = g, e[m] = 0;
    }
    return 1;
}

/* Works at once, on what the stream has done by then. */
int cusolverDnZheevd(void **handle, int mode, int part, int n, number *a, int lda, double *w, number *work, int entries, int *outcome) {
    if (mode != 1 || part != 1 || lda != n || entries < n * n) return 3;
    if (cuStreamSynchronize) cuStreamSynchronize(*handle);
    const char *fault = getenv("FAKE_CUSOLVER");
    *outcome = 1;
    if (fault && !strcmp(fault, "diverges")) return 0;
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) work[i + j * n] = i <= j ? a[i + j * n] : conj(a[j + i * n]);
    for (int i = 0; i < n * n; i++) a[i] = i % (n + 1) == 0;
    double *beside = malloc(n * sizeof(double));
    tridiagonal(work, a, w, beside, n);
    *outcome = !diagonal(w, beside, a, n);
    free(beside);
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++)
            if (w[j] < w[i]) {
                double value = w[i];
                w[i] = w[j], w[j] = value;
                for (int l = 0; l < n; l++) {
                    number entry = a[l + i * n];
                    a[l + i * n] = a[l + j * n], a[l + j * n] = entry;
                }
            }
    if (fault && !strcmp(fault, "wrong")) a[n / 2] += 1e-9;
    return 0;
}
#endif

#ifdef NCCL
/* Ranks are threads of one process. A call waits for its stream and does its work at once; sends and receives of a group
 * do when it ends. A rank that waits for one that has aborted, or for too long, gets a "remote error". */
#include <errno.h>
#include <pthread.h>
#include <time.h>
enum { INVALID_ARGUMENT = 4, REMOTE_ERROR = 6, RANKS = 8, IDS = 64, PATIENCE = 20 };

typedef struct mail { struct mail *next; size_t bytes; char data[]; } mail;
typedef struct { mail *queue[RANKS][RANKS]; int aborted; } group;
typedef struct { group *g; int rank, ranks; } connection;
typedef struct { char bytes[128]; } unique_id;
typedef struct { const void *from; void *to; size_t bytes; int partner; connection *c; void *stream; } swap;

static group groups[IDS];
static int ids;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;
static _Thread_local int depth, waiting;
static _Thread_local swap swaps[64];
int cuStreamSynchronize(void *stream) __attribute__((weak));

static void post(connection *c, int to, const void *data, size_t bytes) {
    mail *m = malloc(sizeof(mail) + bytes), **end = &c->g->queue[c->rank][to];
    m->next = NULL;
    m->bytes = bytes;
    memcpy(m->data, data, bytes);
    pthread_mutex_lock(&lock);
    while (*end) end = &(*end)->next;
    *end = m;
    pthread_cond_broadcast(&arrived);
    pthread_mutex_unlock(&lock);
}

static int take(connection *c, int from, void *data, size_t bytes) {
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE;
    mail **queue = &c->g->queue[from][c->rank];
    pthread_mutex_lock(&lock);
    while (!*queue && !c->g->aborted)
        if (pthread_cond_timedwait(&arrived, &lock, &deadline) == ETIMEDOUT) break;
    mail *m = *queue;
    if (m) *queue = m->next;
    pthread_mutex_unlock(&lock);
    if (!m) return REMOTE_ERROR;
    int wrong = m->bytes != bytes;
    if (!wrong) memcpy(data, m->data, bytes);
    free(m);
    return wrong ? INVALID_ARGUMENT : 0;
}

static size_t size_of(int type) { return type == 1 ? 1 : type == 8 ? 8 : 0; }

const char *ncclGetErrorString(int status) { return status == REMOTE_ERROR ? "remote process exited" : "a failure made up"; }
const char *ncclGetLastError(void *c) { return "the last words"; }
int ncclGetVersion(int *version) { *version = 22703; return 0; }
int ncclGetUniqueId(unique_id *id) { memset(id, 7, sizeof *id); id->bytes[0] = (char)__atomic_fetch_add(&ids, 1, __ATOMIC_SEQ_CST); return 0; }
int ncclCommInitRank(connection **c, int ranks, unique_id id, int rank) {
    if (ranks > RANKS || id.bytes[0] >= IDS || id.bytes[127] != 7) return INVALID_ARGUMENT;
    *c = malloc(sizeof(connection));
    **c = (connection){&groups[(int)id.bytes[0]], rank, ranks};
    return 0;
}
int ncclCommDestroy(connection *c) { free(c); return 0; }
int ncclCommAbort(connection *c) {
    pthread_mutex_lock(&lock);
    c->g->aborted = 1;
    pthread_cond_broadcast(&arrived);
    pthread_mutex_unlock(&lock);
    free(c);
    return 0;
}
int ncclCommGetAsyncError(connection *c, int *status) { *status = c->g->aborted ? REMOTE_ERROR : 0; return 0; }
int ncclGroupStart(void) { depth++; return 0; }

static int run_swaps(void) {
    int status = 0;
    for (int i = 0; i < waiting; i++)
        if (swaps[i].from) {
            cuStreamSynchronize(swaps[i].stream);
            post(swaps[i].c, swaps[i].partner, swaps[i].from, swaps[i].bytes);
        }
    for (int i = 0; i < waiting; i++)
        if (swaps[i].to && !status) status = take(swaps[i].c, swaps[i].partner, swaps[i].to, swaps[i].bytes);
    waiting = 0;
    return status;
}
int ncclGroupEnd(void) { return --depth ? 0 : run_swaps(); }
static int add(swap s, int type) {
    if (!size_of(type) || waiting == 64 || !depth) return INVALID_ARGUMENT;
    swaps[waiting++] = s;
    return 0;
}
int ncclSend(const void *from, size_t count, int type, int partner, connection *c, void *stream) {
    return add((swap){from, NULL, count * size_of(type), partner, c, stream}, type);
}
int ncclRecv(void *to, size_t count, int type, int partner, connection *c, void *stream) {
    return add((swap){NULL, to, count * size_of(type), partner, c, stream}, type);
}
int ncclAllGather(const void *from, void *to, size_t count, int type, connection *c, void *stream) {
    size_t bytes = count * size_of(type);
    int status = 0;
    cuStreamSynchronize(stream);
    for (int rank = 0; rank < c->ranks; rank++) post(c, rank, from, bytes);
    for (int rank = 0; rank < c->ranks && !status; rank++) status = take(c, rank, (char *)to + rank * bytes, bytes);
    return status;
}
int ncclBroadcast(const void *from, void *to, size_t count, int type, int root, connection *c, void *stream) {
    cuStreamSynchronize(stream);
    if (c->rank == root)
        for (int rank = 0; rank < c->ranks; rank++) post(c, rank, from, count * size_of(type));
    return take(c, root, to, count * size_of(type));
}
int ncclAllReduce(const void *from, void *to, size_t count, int type, int operation, connection *c, void *stream) {
    if (type != 8 || operation != 0) return INVALID_ARGUMENT;
    double *all = malloc(c->ranks * count * sizeof(double)), *sum = to;
    int status = ncclAllGather(from, all, count, type, c, stream);
    for (size_t i = 0; i < count && !status; i++) {
        sum[i] = 0;
        for (int rank = 0; rank < c->ranks; rank++) sum[i] += all[rank * count + i];
    }
    free(all);
    return status;
}
#endif
