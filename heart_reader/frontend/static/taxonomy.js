// Which statement belongs to which subclass and superclass of PTB-XL (Wagner et al., Scientific Data 7 (2020) 154).

const TREE = {
  NORM: { NORM: ["NORM"] },
  MI: {
    IMI: ["IMI", "ILMI", "IPLMI", "IPMI", "INJIN", "INJIL"],
    AMI: ["ASMI", "AMI", "ALMI", "INJAS", "INJAL", "INJLA"],
    LMI: ["LMI"],
    PMI: ["PMI"],
  },
  STTC: {
    STTC: ["NDT", "DIG", "LNGQT", "ANEUR", "EL"],
    NST_: ["NST_"],
    ISC_: ["ISC_"],
    ISCA: ["ISCAL", "ISCAS", "ISCLA", "ISCAN"],
    ISCI: ["ISCIN", "ISCIL"],
  },
  CD: {
    "LAFB/LPFB": ["LAFB", "LPFB"],
    IRBBB: ["IRBBB"],
    _AVB: ["1AVB", "2AVB", "3AVB"],
    IVCD: ["IVCD"],
    CRBBB: ["CRBBB"],
    CLBBB: ["CLBBB"],
    WPW: ["WPW"],
    ILBBB: ["ILBBB"],
  },
  HYP: {
    LVH: ["LVH"],
    "LAO/LAE": ["LAO/LAE"],
    RVH: ["RVH"],
    "RAO/RAE": ["RAO/RAE"],
    SEHYP: ["SEHYP"],
  },
};

/** Codes that mean a normal ECG, in PTB-XL and in CPSC2018. */
export const NORMAL = new Set(["NORM", "SNR"]);

/**
 * The classes below one class: subclasses of a superclass, statements of a subclass, with the level whose reading they have.
 * A subclass of one statement, or a superclass of one subclass, has none: the same thing would stand there twice.
 */
export function classesBelow(level, name) {
  if (level === "superdiagnostic") {
    const subclasses = Object.keys(TREE[name] ?? {});
    return subclasses.length > 1 ? { level: "subdiagnostic", names: subclasses } : null;
  }
  if (level === "subdiagnostic") {
    const statements = Object.values(TREE).map((subclasses) => subclasses[name]).find(Boolean) ?? [];
    return statements.length > 1 ? { level: "all", names: statements } : null;
  }
  return null;
}
