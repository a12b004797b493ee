/**
 * The API objects that content looks for: `API_1484_11` (SCORM 2004) and `API` (SCORM 1.2), thin over a Runtime.
 * Functions of their own, so that drivers may detach them; they take whatever content passes, and never throw.
 */

const NAMES = {
  2004: {
    object: "API_1484_11",
    methods: ["Initialize", "Terminate", "GetValue", "SetValue", "Commit", "GetLastError", "GetErrorString", "GetDiagnostic"],
  },
  "1.2": {
    object: "API",
    methods: [
      "LMSInitialize",
      "LMSFinish",
      "LMSGetValue",
      "LMSSetValue",
      "LMSCommit",
      "LMSGetLastError",
      "LMSGetErrorString",
      "LMSGetDiagnostic",
    ],
  },
};

const text = (value) => (value === undefined || value === null ? "" : String(value));

/**
 * Make the API object for a run-time: {name, api}.
 *
 * `hooks`: `initialized()`, `committed()` → whether the data can be kept, `terminated()`, and `called(method, arguments,
 * answer, error)` for the debug log.
 */
export function makeApi(runtime, hooks) {
  const { object, methods } = NAMES[runtime.standard];
  const [initialize, terminate, getValue, setValue, commit, getLastError, getErrorString, getDiagnostic] = methods;

  const logged = (method, act) => (first, second) => {
    let answer;
    try {
      answer = act(text(first), text(second));
    } catch (problem) {
      console.error(problem);
      answer = method === getValue ? "" : "false";
    }
    hooks.called(method, [first, second], answer, runtime.getLastError());
    return answer;
  };

  const api = {
    [initialize]: logged(initialize, (argument) => {
      const answer = runtime.initialize(argument);
      if (answer === "true") hooks.initialized();
      return answer;
    }),
    [terminate]: logged(terminate, (argument) => {
      const answer = runtime.terminate(argument);
      if (answer === "true") hooks.terminated();
      return answer;
    }),
    [getValue]: logged(getValue, (element) => runtime.getValue(element)),
    [setValue]: logged(setValue, (element, value) => runtime.setValue(element, value)),
    [commit]: logged(commit, (argument) => {
      const answer = runtime.commit(argument);
      return answer === "true" && !hooks.committed() ? runtime.failCommit() : answer;
    }),
    [getLastError]: () => runtime.getLastError(),
    [getErrorString]: (code) => runtime.getErrorString(text(code)),
    [getDiagnostic]: (code) => runtime.getDiagnostic(text(code)),
  };
  if (runtime.standard === "2004") api.version = "1.0";
  return { name: object, api };
}
