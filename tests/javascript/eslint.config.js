import js from "@eslint/js";

const browser = [
  "CSS", "Option", "addEventListener", "atob", "document", "getComputedStyle", "matchMedia", "window",
];
const libraries = ["Plotly", "niivue"];

export default [
  js.configs.recommended,
  {
    languageOptions: {
      sourceType: "script",
      globals: Object.fromEntries([...browser, ...libraries].map((name) => [name, "readonly"])),
    },
    rules: {
      "eqeqeq": "error",
      "no-implicit-globals": "error",
      "no-unused-vars": "error",
      "no-var": "error",
      "prefer-const": "error",
      "strict": ["error", "global"],
    },
  },
];
