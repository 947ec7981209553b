/* A tool that follows NVTX 3: it writes down the ranges that it hears of, indented as they nest. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef void (*function)(void);
typedef struct { size_t bytes; int (*functions)(uint32_t module, function ***table, uint32_t *size); } callbacks;

static FILE *file;
static int depth;

static int push(const char *name) {
    fprintf(file, "%*s%s\n", 2 * depth, "", name);
    fflush(file);
    return depth++;
}

static int pop(void) { return --depth; }

int InitializeInjectionNvtx2(const void *(*table_of)(uint32_t)) {
    const callbacks *known = table_of(1);
    function **slots;
    uint32_t size;
    file = fopen(getenv("FAKE_NVTX_FILE"), "w");
    /* As tools do, all modules are asked for. */
    for (uint32_t module = 1; module <= 6; module++) {
        if (!known || known->bytes < sizeof(callbacks) || !known->functions(module, &slots, &size)) return 0;
        for (uint32_t number = 1; number < size; number++) if (!slots[number]) return 0;
        if (module == 1) {
            *slots[9] = (function)push;
            *slots[11] = (function)pop;
        }
    }
    return file != 0;
}
