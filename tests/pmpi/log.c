/* Counts what a rank asks of MPI, through the profiling interface: preloaded into the program, which knows nothing of it.

   The program calls MPI_Testall between batches of tiles (of rows, for observables) and nowhere else, so the requests
   that are open at such a call are open while it computes. Each rank writes "name value" lines to
   $RHOSHARD_MPI_LOG.<rank> in MPI_Finalize. */

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static long messages, bytes, received, blocking, tests, tests_open, unfinished, open_now, open_most, waits, reductions;
static double waited;

static void opened(void) {
    if (++open_now > open_most) open_most = open_now;
}

/* Requests of an array that are still somebody's. */
static long active(int count, const MPI_Request *requests) {
    long sum = 0;
    for (int index = 0; index < count; index++) sum += requests[index] != MPI_REQUEST_NULL;
    return sum;
}

int MPI_Isend(const void *buffer, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request *request) {
    int size;
    PMPI_Type_size(type, &size);
    messages++;
    bytes += (long)count * size;
    opened();
    return PMPI_Isend(buffer, count, type, to, tag, comm, request);
}

int MPI_Irecv(void *buffer, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Request *request) {
    received++;
    opened();
    return PMPI_Irecv(buffer, count, type, from, tag, comm, request);
}

int MPI_Testall(int count, MPI_Request *requests, int *done, MPI_Status *statuses) {
    long before = active(count, requests);
    if (before > 0) {
        tests++;
        tests_open += open_now >= 2;
    }
    int code = PMPI_Testall(count, requests, done, statuses);
    if (*done) open_now -= before;
    else unfinished++;
    return code;
}

int MPI_Waitall(int count, MPI_Request *requests, MPI_Status *statuses) {
    double begin = PMPI_Wtime();
    open_now -= active(count, requests);
    waits++;
    int code = PMPI_Waitall(count, requests, statuses);
    waited += PMPI_Wtime() - begin;
    return code;
}

int MPI_Allreduce(const void *in, void *out, int count, MPI_Datatype type, MPI_Op operation, MPI_Comm comm) {
    reductions++;
    return PMPI_Allreduce(in, out, count, type, operation, comm);
}

/* What would make a rank stand still until its partner comes. */

int MPI_Send(const void *buffer, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm) {
    blocking++;
    return PMPI_Send(buffer, count, type, to, tag, comm);
}

int MPI_Recv(void *buffer, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Status *status) {
    blocking++;
    return PMPI_Recv(buffer, count, type, from, tag, comm, status);
}

int MPI_Sendrecv(const void *out, int out_count, MPI_Datatype out_type, int to, int out_tag, void *in, int in_count,
                 MPI_Datatype in_type, int from, int in_tag, MPI_Comm comm, MPI_Status *status) {
    blocking++;
    return PMPI_Sendrecv(out, out_count, out_type, to, out_tag, in, in_count, in_type, from, in_tag, comm, status);
}

int MPI_Sendrecv_replace(void *buffer, int count, MPI_Datatype type, int to, int out_tag, int from, int in_tag,
                         MPI_Comm comm, MPI_Status *status) {
    blocking++;
    return PMPI_Sendrecv_replace(buffer, count, type, to, out_tag, from, in_tag, comm, status);
}

int MPI_Wait(MPI_Request *request, MPI_Status *status) {
    blocking++;
    return PMPI_Wait(request, status);
}

int MPI_Finalize(void) {
    const char *path = getenv("RHOSHARD_MPI_LOG");
    char name[4096];
    int rank;
    PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
    snprintf(name, sizeof name, "%s.%d", path ? path : "mpi-log", rank);
    FILE *log = fopen(name, "w");
    if (log) {
        fprintf(log, "messages %ld\nbytes %ld\nreceived %ld\nblocking %ld\n", messages, bytes, received, blocking);
        fprintf(log, "tests %ld\ntests_open %ld\nunfinished %ld\n", tests, tests_open, unfinished);
        fprintf(log, "open_most %ld\nopen_at_end %ld\nwaits %ld\n", open_most, open_now, waits);
        fprintf(log, "reductions %ld\nmicroseconds_waited %ld\n", reductions, (long)(1e6 * waited));
        fclose(log);
    }
    return PMPI_Finalize();
}
