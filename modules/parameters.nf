// Nextflow hands over what its command line looks like: text in new versions, in older ones 8 for 08 and true for a value
// that begins with a dash. Here every parameter of the schema becomes what the schema says that it is, once, before
// anything asks for its truth or writes it into a task; what cannot is left for check.py to tell

// [input: 'sheet.csv', train_only: false, size: 128, learning_rate: 1.0E-4, …], and what the schema does not know as it is
def typed(given, schema) {
    def entries = entriesOf(schema)
    def unknown = given.findAll { name, _value -> !entries.containsKey(name) }
    return entries.collectEntries { name, entry -> [name, cast(name, given[name], entry.type)] } + unknown
}

// [input: [type: 'string', pattern: …], …]
def entriesOf(schema) {
    return new groovy.json.JsonSlurper().parse(schema)['$defs'].values().collectEntries { group -> group.properties }
}

def cast(name, value, kind) {
    def text = "${value}".trim()
    if (value == null) {
        return null
    }
    if (kind == 'string') {
        return value instanceof CharSequence ? value.toString() : asWritten(name, text)
    }
    if (kind == 'boolean') {
        return text.toLowerCase() in ['true', 'false'] ? text.toBoolean() : value
    }
    if (!(text ==~ /[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?/)) {
        return value
    }
    // Equal numbers become equal text in a task's script, however they were written
    def number = new BigDecimal(text)
    def whole = number.stripTrailingZeros().scale() <= 0
    return kind == 'number' ? number.toDouble() : whole ? number.toBigInteger() : value
}

// Text that looked like a number, as it stands on the command line: 0123 reaches `params` as 123
def asWritten(name, text) {
    def written = "${workflow.commandLine}".findAll("--${name}(?:=|\\s+)['\"]?([^\\s'\"]+)") { _all, word -> word }
    return text.isNumber() && written && written.last().isNumber() && written.last().toBigDecimal() == text.toBigDecimal()
        ? written.last()
        : text
}

// Ends the run with a line for each parameter whose value Nextflow has lost
def refuseLost(given, options, schema) {
    def valueless = entriesOf(schema).findAll { name, entry -> entry.type == 'string' && options[name] == 'true' }
    def problems = valueless.collect { name, _entry ->
        "parameter ${name}: has no value; give one, and one that begins with a dash after =, as in --${name}='--…'"
    }
    if (options.outdir && options.outdir != "${given.outdir}") {
        // The configuration was read with the number
        problems.add("parameter outdir: '${options.outdir}' reaches Nextflow as ${given.outdir}; write ./${options.outdir}")
    }
    if (problems) {
        error(problems.join('\n'))
    }
}
