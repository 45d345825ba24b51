// Nextflow hands over what its command line looks like: text in new versions, in older ones 8 for 08 and true for a value
// that begins with a dash. Here every parameter of the schema becomes what the schema says that it is, once, before
// anything asks for its truth or writes it into a task; what cannot is left for check.py to tell

// [input: 'sheet.csv', train_only: false, size: 128, learning_rate: 1.0E-4, …], and what the schema does not know as it is
def typed(given, schema) {
    def entries = entriesOf(schema)
    def unknown = given.findAll { name, _value -> !entries.containsKey(name) && !(name in ['read_early', 'readEarly']) }
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
    // What JSON cannot hold, such as Infinity, goes on as text
    def other = value instanceof Number ? text : value
    if (!(text ==~ /[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?/)) {
        return other
    }
    // Equal numbers become equal text in a task's script, however they were written
    def number = new BigDecimal(text)
    if (kind == 'number') {
        return Double.isInfinite(number.toDouble()) ? text : number.toDouble()
    }
    return number.stripTrailingZeros().scale() <= 0 ? number.toBigInteger() : other
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
    // The configuration was read with the number
    def read = ['outdir', 'checkpoints', 'queue', 'account', 'container']
    problems += read.findAll { name -> options[name] && options[name] != "${given[name]}" }.collect { name ->
        def mend = name in ['queue', 'account'] ? 'give it in a -params-file, as text' : "write ./${options[name]}"
        "parameter ${name}: '${options[name]}' reaches Nextflow as ${given[name]}; ${mend}"
    }
    problems += given.read_early.findAll { name, value -> given[name] && "${value}" != "${given[name]}" }.collect { name, _value ->
        "parameter ${name}: '${given[name]}' comes too late from a configuration file; give it in a -params-file, or as --${name}"
    }
    if (problems) {
        error(problems.join('\n'))
    }
}
