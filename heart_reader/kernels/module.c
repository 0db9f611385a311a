/* The compiled kernels as one module of Python, and how they look at arrays. */
#include "arrays.h"

static PyObject *numpy_empty, *numpy_dtype[3];

int expect(Py_ssize_t count, Py_ssize_t needed) {
    if (count == needed) return 1;
    PyErr_Format(PyExc_TypeError, "%zd arguments are needed, not %zd", needed, count);
    return 0;
}

static int is_kind(const Py_buffer *buffer, Kind kind) {
    const char *format = buffer->format ? buffer->format : "B";
    if (format[0] == '@' || format[0] == '=') format++;
    if (format[0] == 0 || format[1] != 0) return 0;
    switch (kind) {
    case FLOAT32: return format[0] == 'f';
    case FLOAT64: return format[0] == 'd';
    default: return (format[0] == 'l' || format[0] == 'q') && buffer->itemsize == 8;
    }
}

int look(PyObject *object, Kind kind, int dimensions, Array *array) {
    static const char *const names[] = {"float32", "float64", "int64"};
    array->buffer.obj = NULL;
    if (PyObject_GetBuffer(object, &array->buffer, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0) {
        array->buffer.obj = NULL;
        return 0;
    }
    if (!is_kind(&array->buffer, kind) || array->buffer.ndim != dimensions) {
        release(array);
        PyErr_Format(PyExc_TypeError, "an array of %s with %d dimensions is needed", names[kind], dimensions);
        return 0;
    }
    array->rows = dimensions == 2 ? array->buffer.shape[0] : 1;
    array->columns = array->buffer.shape[dimensions - 1];
    return 1;
}

PyObject *make(Kind kind, int dimensions, Py_ssize_t rows, Py_ssize_t columns, Array *array) {
    PyObject *shape = dimensions == 2 ? Py_BuildValue("(nn)", rows, columns) : Py_BuildValue("(n)", columns);
    array->buffer.obj = NULL;
    if (!shape) return NULL;
    PyObject *made = PyObject_CallFunctionObjArgs(numpy_empty, shape, numpy_dtype[kind], NULL);
    Py_DECREF(shape);
    if (!made) return NULL;
    if (!look(made, kind, dimensions, array)) {
        Py_DECREF(made);
        return NULL;
    }
    return made;
}

void release(Array *array) {
    if (array->buffer.obj) PyBuffer_Release(&array->buffer);
}

#define KERNELS(_) _(mean_step) _(slopes_in_band) _(means_from) _(largest_near) _(without_baseline) _(correlations) _(complexes) _(middle_of_beats) \
    _(ranked_rows) _(window_medians) _(narrow_peaks) _(step_means) _(bridged) _(without_beats) \
    _(windowed) _(band_powers) _(highest_repeat) _(usual_rr) _(steep_spans) _(narrowest) \
    _(weighed_steps) _(activity_of_parts) _(levelled_parts) _(compared_parts) _(diastole_medians) \
    _(high_peaks) _(resampled) \
    _(p_edges) _(qrs_edges) _(settled) _(t_edges) _(lead_amplitudes) _(energies) _(arrangement_sums) \
    _(misfit) _(standing_still) _(stays_near) _(weighed)
#define DECLARE(name) KERNEL(name);
KERNELS(DECLARE)
#define METHOD(name) {#name, (PyCFunction)(void (*)(void))kernel_##name, METH_FASTCALL, NULL},
static PyMethodDef methods[] = {KERNELS(METHOD){NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "compiled", "Compiled kernels; heart_reader.kernels says what each is.", -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_compiled(void) {
    static const char *const types[] = {"float32", "float64", "int64"};
    PyObject *numpy = PyImport_ImportModule("numpy");
    if (!numpy) return NULL;
    numpy_empty = PyObject_GetAttrString(numpy, "empty");
    for (int kind = 0; kind < 3; kind++) numpy_dtype[kind] = PyObject_CallMethod(numpy, "dtype", "s", types[kind]);
    Py_DECREF(numpy);
    if (!numpy_empty || !numpy_dtype[0] || !numpy_dtype[1] || !numpy_dtype[2]) return NULL;
    return PyModule_Create(&definition);
}
