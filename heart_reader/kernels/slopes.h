/* Slopes of a median beat, and the candidates for the edges of a wave that are made from them. */
#ifndef HEART_READER_SLOPES_H
#define HEART_READER_SLOPES_H

#include "arrays.h"
#include "select.h"

enum { BEAT_FROM = 250, N_TIMES = 650, MOST_FRACTIONS = 16, ACTIVE = 60 };

/* A beat and its slopes; together those of all leads. */
typedef struct {
    const float *beat;
    const double *shares;
    Py_ssize_t n_leads;
    float *slope;
    double together[N_TIMES];
} Slopes;

/* One wave as it is built; in a row of candidates those of all leads come first. */
typedef struct {
    Py_ssize_t onset, offset, peak;
    double top;
    Array on, off, size;
    PyObject *made_on, *made_off, *made_size;
} Edges;

/* What every kernel of edges is given: a beat; shares, the vectors of a tuple of tables, and one more where there is one. */
typedef struct {
    Array beat, vectors[6];
    int n;
} Given;

static inline Py_ssize_t least(Py_ssize_t one, Py_ssize_t other) { return one < other ? one : other; }
static inline Py_ssize_t most(Py_ssize_t one, Py_ssize_t other) { return one > other ? one : other; }

/* Look into the first three or four arguments; the first of the tables, and the second with two bells, have a middle. */
int look_given(PyObject *const *arguments, int n_tables, int bells, int has_likely, Given *given);
/* Two places of a tuple; false with an exception where it is none. */
int look_places(PyObject *object, Py_ssize_t *first, Py_ssize_t *second);
void release_given(Given *given);
/* Release what was given and say what does not fit. */
PyObject *misfit(Given *given, const char *what);

/* The first of the highest or lowest values of a part that is not empty. */
Py_ssize_t highest(const double *values, Py_ssize_t low, Py_ssize_t high);
Py_ssize_t lowest(const double *values, Py_ssize_t low, Py_ssize_t high);
float highest_slope(const float *row, Py_ssize_t low, Py_ssize_t high);
/* Correlate a row with a bell, symmetric (1) or not (-1), as scipy.ndimage.correlate1d does with mode "nearest". */
void correlated(const float *row, Py_ssize_t n, const Array *bell, int symmetry, double *ALONE answer);
/* Mean of ACTIVE values around each of n, with zeros beyond them, as scipy.ndimage.uniform_filter1d runs it. */
void running_mean(const double *values, Py_ssize_t n, double *answer);

Slopes slopes_of(const Given *given);
/* The slopes of a part that is smoothed by itself, zero outside of it; false with an exception without memory. */
int find_slopes(Slopes *of, const Array *bell, Py_ssize_t start, Py_ssize_t end);

/* First and last place of a part where a share of its maximum is reached. */
void flanks(const double *values, Py_ssize_t low, Py_ssize_t high, double share, Py_ssize_t *first, Py_ssize_t *last);
/* Where the slope of all leads first falls to a level and stays there, going one way. */
Py_ssize_t outwards(const double *together, Py_ssize_t start, double level, int step, Py_ssize_t reach, Py_ssize_t stay);

int make_edges(Edges *edges, Py_ssize_t n_leads, Py_ssize_t n_on, Py_ssize_t n_off);
PyObject *give_edges(Edges *edges);
/* A distance between two places, within a limit, in milliseconds. */
double limited_ms(Py_ssize_t place, Py_ssize_t guess, Py_ssize_t limit);
/* What the size of a wave is a share of. */
float size_of_all(const Edges *edges);
/* Write what all leads share into the first columns of candidates. */
void write_common(Array *candidates, const Py_ssize_t *places, Py_ssize_t n, Py_ssize_t guess);
/* Write the crossings of one lead into its row of candidates, in milliseconds from a guess. */
void write_crossings(double *row, const Array *fractions, const float *slope, Py_ssize_t start, float top, int step, Py_ssize_t guess,
                     Py_ssize_t limit);
/* Write the crossings of each lead beside its highest slope in a part, and how high that is. */
void write_own(Edges *edges, const Slopes *of, const Array *fractions, Py_ssize_t low, Py_ssize_t high, double share, Py_ssize_t limit);

#endif
