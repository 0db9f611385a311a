/* NumPy arrays as C sees them, by the buffer protocol of the stable ABI: no header of NumPy is needed. */
#ifndef HEART_READER_ARRAYS_H
#define HEART_READER_ARRAYS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

/* A C-contiguous array; a vector has one row. */
typedef struct {
    Py_buffer buffer;
    Py_ssize_t rows, columns;
} Array;

/* What a kernel may be given and gives. */
typedef enum { FLOAT32, FLOAT64, INT64 } Kind;

#define F32(array) ((float *)(array).buffer.buf)
#define F64(array) ((double *)(array).buffer.buf)
#define I64(array) ((int64_t *)(array).buffer.buf)

/* A function that Python calls with arguments[0] to arguments[count - 1]. */
#define KERNEL(name) PyObject *kernel_##name(PyObject *module, PyObject *const *arguments, Py_ssize_t count)

/* Whether Python gave so many arguments; otherwise an exception is set. */
int expect(Py_ssize_t count, Py_ssize_t needed);
/* Look into an array of one or two dimensions; false with an exception if it is of another kind or not contiguous. */
int look(PyObject *object, Kind kind, int dimensions, Array *array);
/* Make an array of NumPy, uninitialised, and look into it; NULL with an exception without memory. */
PyObject *make(Kind kind, int dimensions, Py_ssize_t rows, Py_ssize_t columns, Array *array);
void release(Array *array);

/* Compiled twice, for processors with and without AVX2, where compiler and system can choose when the module is loaded. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

/* No other pointer of the function leads to the same numbers. */
#define ALONE __restrict

static inline Py_ssize_t within(Py_ssize_t value, Py_ssize_t low, Py_ssize_t high) {
    return value < low ? low : value > high ? high : value;
}

#endif
