include { prepares      } from './arguments'
include { beyondCluster } from './cluster'

// Where tasks are to run is settled before check.py is one of them

// Ends the run with a line for each setting with which no task could start
def refuseImpossiblePlace(params, schema) {
    def problems = unnameable(params) + illFormed(params, schema) + outOfReach(params)
    if (!problems && params.executor == 'slurm') {
        problems = beyondCluster(processesOf(params))
    }
    if (problems) {
        error(problems.join('\n'))
    }
}

// What Java cannot name in the locale that it was started in
def unnameable(params) {
    def encoding = System.getProperty('sun.jnu.encoding')
    if (encoding ==~ /(?i)utf-?8/) {
        return []
    }
    def named = "${launchDir} ${projectDir} ${params.findAll { _name, value -> value instanceof CharSequence }.values()}"
    def beyond = named.any { letter -> letter > '\u007f' } || bytesOf(params.input).any { letter -> letter < 0 }
    return beyond ? ["some path has letters that the locale's ${encoding} cannot name; begin the line with LC_ALL=C.UTF-8"] : []
}

def bytesOf(sheet) {
    def found = sheet ? file(sheet, glob: false) : null
    return found && found.isFile() ? found.bytes.toList() : []
}

// Text of the schema's group on cluster and containers that is not of its pattern
def illFormed(params, schema) {
    def entries = new groovy.json.JsonSlurper().parse(schema)['$defs'].cluster_options.properties
    def wrong = entries.findAll { name, entry -> entry.pattern && params[name] != null && !("${params[name]}" ==~ entry.pattern) }
    return wrong.collect { name, entry -> "parameter ${name}: '${params[name]}' is not valid; give ${entry.errorMessage}" }
}

// What the cluster or the container engine cannot give
def outOfReach(params) {
    def engine = workflow.containerEngine
    def elsewhere = engine ?: params.executor == 'slurm' ? 'slurm' : null
    if (elsewhere && params.device == 'mps') {
        return ["parameter device: 'mps' is this machine's own and out of reach of ${elsewhere}; leave out the profile ${elsewhere}"]
    }
    if (engine in ['apptainer', 'singularity'] && params.container.startsWith('/') && !file(params.container, glob: false).exists()) {
        return ["parameter container: '${params.container}' does not exist; make it with make sif, or give an image's path"]
    }
    return []
}

// The processes of this run, with the labels that their modules give them
def processesOf(params) {
    def simulated = !params.input && !params.scan && params.simulate
    return [CHECK: ['cohort']] +
        (prepares(params) ? [PREPARE: ['scan'], GATE: []] : [:]) +
        [SLICE: ['scan']] +
        (simulated ? [CHECK_PARAMETERS: ['cohort'], SIMULATE: ['cohort']] : [:]) +
        (params.model ? [:] : [TRAIN: ['training', 'gpu']]) +
        (params.train_only ? [:] : mappingOf(params))
}

def mappingOf(params) {
    return [RECONSTRUCT: ['scan', 'gpu', 'grouped'], MAP: ['scan'], SCORE: ['scan', 'gpu', 'grouped']] +
        [NORM: ['cohort'], CALIBRATE: ['scan'], AGGREGATE: ['cohort']] +
        (params.tune ? [TUNE: ['scan', 'gpu', 'grouped'], CHOOSE: ['cohort']] : [:]) +
        (params.bids ? [EXPORT_BIDS: ['cohort']] : [:])
}
