// A kernel that writes one number beyond its memory: the address sanitizer must stop it (scripts/kernels-asan.sh).
#include <cstdint>
#include <cstdlib>
#include <cstring>

extern "C" int rhoshard_emulate(const char* name, size_t name_bytes, uint32_t blocks, uint32_t threads, uint32_t shared,
                                const void* arguments, size_t argument_bytes);

int main() {
    const uint64_t count = 5;
    double* parts = (double*)calloc(2 * count, sizeof(double));
    double* sums = (double*)calloc(2 * count - 1, sizeof(double));
    // The arguments of sum_parts: addresses of the parts and of their sum, how many values, how many parts.
    const uint64_t arguments[4] = {(uint64_t)parts, (uint64_t)sums, count, 1};
    const char* name = "sum_parts_f64";
    return rhoshard_emulate(name, strlen(name), 1, 32, 0, arguments, sizeof arguments);
}
