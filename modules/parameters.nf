// Nextflow hands over what its command line looks like: text in new versions, in older ones 8 for 08 and true for a value
// that begins with a dash. Here every parameter of the schema becomes what the schema says that it is, once, before
// anything asks for its truth or writes it into a task; what cannot is left for check.py to report

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
    // Of a long number Nextflow keeps 17 digits
    return text.isNumber() && written && written.last().isNumber() && written.last().toDouble() == text.toDouble()
        ? written.last()
        : text
}

// Ends the run with a line for each thing that Nextflow was given and that would do nothing, or something else
def refuseLost(given, options, schema) {
    def problems = lostWords() + lostText(parametersFile()) + lostValues(given, options, schema) + tooLate(given)
    if (problems) {
        error(problems.join('\n'))
    }
}

// What stands alone on the command line: the second of two files, what follows a blank in a list, —resume
def lostWords() {
    // Nextflow itself puts true behind options of its own, such as -stub-run
    def words = nextflow.Global.session.binding.getVariable('args').findAll { word -> word != 'true' }.collect { word ->
        "parameter '${word}': stands alone, and belongs to no parameter; write lists without blanks (a,b) and options with two dashes (one before Nextflow's own)"
    }
    def own = "${workflow.commandLine}".find(/\s-(o|output-dir)(?=[\s=])/)
    return own ? words + ["parameter${own}: is Nextflow's own and not read here; give --outdir"] : words
}

// The text of the -params-file, '' without one
def parametersFile() {
    def named = "${workflow.commandLine}".find(/\s-params-file[\s=]+('[^']+'|"[^"]+"|\S+)/) { _all, name -> name }
    def found = named ? file(named.replaceAll(/^['"]|['"]$/, ''), glob: false) : null
    return found && found.isFile() && found.name ==~ /(?i).*\.ya?ml/ ? found.text : ''
}

// Text without quotes that YAML takes for a number of base 8, a date or a time of day
def lostText(yaml) {
    return yaml.findAll(/(?m)^(\w+)[ \t]*:[ \t]*(0[0-7]+|\d{4}-\d\d?-\d\d?.*|\d+(?::[0-5]?\d)+)[ \t]*(?:#.*)?$/) { _all, name, text ->
        "parameter ${name}: ${text.trim()} is no text to YAML but a number of base 8, a date or a time; put it in quotes"
    }
}

def lostValues(given, options, schema) {
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
    problems += ['outdir', 'checkpoints'].findAll { name -> "${options[name]}" ==~ '~(/.*)?' }.collect { name ->
        "parameter ${name}: '${options[name]}' would be a folder of the name ~, which no shell has replaced; write the whole path"
    }
    return problems
}

// What a configuration file says after the project's own has been read
def tooLate(given) {
    return given.read_early.findAll { name, value -> given[name] && "${value}" != "${given[name]}" }.collect { name, _value ->
        "parameter ${name}: '${given[name]}' comes too late from a configuration file; give it in a -params-file, or as --${name}"
    }
}
