// What SLURM can give, asked before anything is submitted: a job that no node can ever run waits for ever, without a
// word. Nothing is refused where SLURM does not answer, or not in a way that is known here

// A line for each setting with which a job could never start; `processes` are those of this run with their labels
def beyondCluster(processes) {
    def partitions = partitionsOf(
        answerOf(['scontrol', '--all', '--oneliner', 'show', 'partition']),
        answerOf(['sinfo', '--all', '--Node', '--noheader', '--format=%R|%c|%m|%G']),
    )
    if (!partitions || System.getenv('SBATCH_CLUSTERS') || System.getenv('SLURM_CLUSTERS')) {
        return []
    }
    def lines = beyond(processes.collectMany { name, labels -> requestsOf(name, labels) }, partitions)
    def problems = lines.findAll { line -> !line.later }
    if (!problems) {
        lines.each { line -> log.warn(line.text) }
    }
    return problems.collect { line -> line.text }
}

// A line for each setting with which a request could never be met; those on later attempts at tasks that fit at first are
// for a warning
//   [[later: false, text: 'parameter max_cpus: …'], …]
def beyond(requests, partitions) {
    def unknown = requests.collectMany { request -> request.queues }.unique().findAll { queue -> !partitions.containsKey(queue) }
    if (unknown) {
        def names = partitions.keySet().sort().join(' or ')
        return unknown.collect { queue -> [later: false, text: "parameter queue: '${queue}' is no partition of this cluster; give ${names}"] }
    }
    return requests.groupBy { request -> request.queues ?: standardOf(partitions) }.collectMany { queues, asked ->
        def places = partitions.subMap(queues).values()
        places && places.every { place -> place.known } ? tooMuch(asked, places) : []
    }
}

// What a command of SLURM's prints, '' where it is not there, fails or is silent for long
def answerOf(command) {
    def printed = new StringBuilder()
    try {
        def asked = command.execute()
        def reading = asked.consumeProcessOutputStream(printed)
        asked.consumeProcessErrorStream(new StringBuilder())
        asked.waitForOrKill(20000)
        reading.join(1000)
        return asked.exitValue() == 0 ? printed.toString() : ''
    }
    catch (IOException _no_slurm) {
        return ''
    }
}

//   [main: [name: 'main', standard: true, known: true, max_time: 1440, nodes: [[max_cpus: 2, max_memory: 6000, gpus: 'gpu:2'], …]], …]
// in processors, MB and minutes; not known where some of its nodes are hidden, such as those of a cloud
def partitionsOf(described, listed) {
    def nodes = listed.readLines().collect { line -> line.tokenize('|') }.findAll { node -> node.size() == 4 && node[1..2].every { text -> text ==~ /\d+/ } }
    return described.readLines().collect { line -> partitionOf(line, nodes) }.findAll().collectEntries { partition -> [partition.name, partition] }
}

def partitionOf(line, nodes) {
    def said = line.tokenize().findAll { word -> word.contains('=') }.collectEntries { word -> word.split('=', 2).toList() }
    if (!said.PartitionName) {
        return null
    }
    def offered = nodes.findAll { node -> node[0] == said.PartitionName }.collect { node ->
        [max_cpus: least(node[1], said.MaxCPUsPerNode), max_memory: least(node[2], said.MaxMemPerNode), gpus: node[3]]
    }
    return [
        name: said.PartitionName,
        standard: said.Default == 'YES',
        known: offered && "${offered.size()}" == said.TotalNodes && offered.every { node -> node.max_memory > 1 },
        max_time: said.QoS in [null, 'N/A'] ? minutesOf(said.MaxTime) : null,
        nodes: offered,
    ]
}

def least(number, limit) {
    return limit ==~ /\d+/ ? Math.min(number.toLong(), limit.toLong()) : number.toLong()
}

// 90 of 01:30:00, 1440 of 1-00:00:00, null of UNLIMITED
def minutesOf(text) {
    def parts = "${text}".findAll(/^(?:(\d+)-)?(\d+):(\d+):\d+$/) { _all, days, hours, minutes ->
        ((days ?: '0').toLong() * 24 + hours.toLong()) * 60 + minutes.toLong()
    }
    return parts ? parts[0] : null
}

// Where jobs go that name no partition: the default one; a site's own plugin may send them to any
def standardOf(partitions) {
    def named = System.getenv('SBATCH_PARTITION')
    if (named) {
        return named.tokenize(',')
    }
    def plugins = answerOf(['scontrol', 'show', 'config']).find(/(?m)^JobSubmitPlugins\s*=\s*(.*)$/) { _all, names -> names.trim() }
    def standard = partitions.findAll { _name, partition -> partition.standard || plugins != '(null)' }
    return standard.keySet().toList()
}

// What the attempts at a task ask for: [[process: 'TRAIN', attempt: 1, queues: ['small'], max_cpus: 16, max_memory: 12288, max_time: 2880, gpus: '--gres=gpu:1'], …]
// None where the configuration cannot be read without the task, or says more of the place than is understood here
def requestsOf(name, labels) {
    try {
        def directives = directivesOf(nextflow.Global.session.config.process, name, labels)
        def tries = 1 + ((directives.maxRetries ?: 0) as int)
        return (1..tries).collect { attempt -> requestOf(directives, name, labels, attempt) }.findAll()
    }
    catch (Exception _unknown) {
        return []
    }
}

def requestOf(directives, name, labels, attempt) {
    def task = [process: name, label: labels, attempt: attempt, ext: directives.ext?.gpus ? [gpus: params.gpus] : [:]]
    def known = new groovy.lang.Binding([task: task, params: params])
    def asked = directives.subMap('executor', 'queue', 'clusterOptions', 'cpus', 'memory', 'time', 'resourceLimits').collectEntries { key, value ->
        [key, value instanceof Closure ? value.cloneWith(known).call() : value]
    }
    def options = [asked.clusterOptions].flatten().findAll().join(' ')
    if (asked.executor != 'slurm' || options =~ /(^|\s)(-[cnptMNO]|--(cpus|mem|n?tasks|nodes|partition|time|clusters|overcommit)\b)/) {
        return null
    }
    def limits = asked.resourceLimits ?: [:]
    // A quality of service may grant more time than the partition
    def timed = !(options =~ /(^|\s)(-q|--qos)/) && !System.getenv('SBATCH_QOS')
    return [
        process: name,
        attempt: attempt,
        queues: "${asked.queue ?: ''}".tokenize(','),
        max_cpus: least("${asked.cpus ?: 1}".toString(), "${limits.cpus}"),
        max_memory: smaller(megabytes(asked.memory), megabytes(limits.memory)) ?: 0,
        max_time: timed ? smaller(minutes(asked.time), minutes(limits.time)) ?: 0 : 0,
        gpus: options.find(/(?<!\S)(--gres[= ]gpu|--gpus(-per-\w+)?[= ])[^\s,]*/),
    ]
}

def megabytes(value) {
    return value == null || value instanceof MemoryUnit ? value?.toMega() : ("${value}".toString() as MemoryUnit).toMega()
}

def minutes(value) {
    return value == null || value instanceof Duration ? value?.toMinutes() : ("${value}".toString() as Duration).toMinutes()
}

def smaller(one, other) {
    return [one, other].findAll { value -> value != null }.min()
}

// The directives of a process, as Nextflow finds them: those of all, of its labels, of its name
def directivesOf(scope, name, labels) {
    def own = [['withLabel:', labels], ['withName:', [name]]].collectMany { kind, names ->
        scope.findAll { key, _values -> key.startsWith(kind) && selects(key.minus(kind), names) }.values()
    }
    return own.inject(scope) { found, values -> found + values }
}

def selects(pattern, names) {
    def matched = names.any { name -> name ==~ pattern.replaceFirst('^!', '').trim() }
    return pattern.startsWith('!') ? !matched : matched
}

// In the same form, for each limit that no node of `places` lets a job keep
def tooMuch(asked, places) {
    def never = asked.findAll { request -> !places.any { place -> fits(request, place) } }
    def now = never.findAll { request -> request.attempt == 1 }
    def known = now.collect { request -> request.process }
    def later = never.findAll { request -> !(request.process in known) }.toUnique { request -> request.process }
    return [[false, now], [true, later]].collectMany { isLater, requests ->
        linesOn(requests, places).collect { text -> [later: isLater, text: text] }
    }
}

def fits(request, place) {
    return (place.max_time == null || request.max_time <= place.max_time) && place.nodes.any { node ->
        request.max_cpus <= node.max_cpus && request.max_memory <= node.max_memory && hasGpus(request.gpus, node.gpus)
    }
}

// Whether a node of --gres 'gpu:a100:4(S:0-1),nvme:1' has what '--gres=gpu:a100:2' or '--gpus=2' asks for
def hasGpus(request, offered) {
    def wanted = "${request ?: ''}".findAll(/(?:([^\s:=,]+):)?(\d+)$/) { _all, type, count -> [type == 'gpu' ? null : type, count as int] }
    def counts = offered.findAll(/gpu(?::([^:,()]+))?:(\d+)/) { _all, type, count -> [type, count as int] }
    return wanted.every { wantedType, number ->
        counts.findAll { type, _count -> wantedType in [null, type] }.collect { _type, count -> count }.sum(0) >= number
    }
}

def linesOn(requests, places) {
    def nodes = places.collectMany { place -> place.nodes }
    def where = "partition ${places.collect { place -> place.name }.join(' or ')}"
    def most = ['max_cpus', 'max_memory'].collectEntries { kind -> [kind, nodes.collect { node -> node[kind] }.max()] }
    if (places.every { place -> place.max_time != null }) {
        most.max_time = places.collect { place -> place.max_time }.max()
    }
    def above = most.collectEntries { kind, limit -> [kind, requests.findAll { request -> request[kind] > limit }] }.findAll { _kind, found -> found }
    def single = above.collect { kind, found ->
        "parameter ${kind}: ${listed(kind, found)} would wait for ever in ${where}, which gives a job ${amount(kind, most[kind])} " +
            "at most; give --${kind} ${option(kind, most[kind])}, or another --queue"
    }
    def others = requests.findAll { request -> !above.values().any { found -> request in found } }
    def joint = others.collect { request ->
        "parameter queue: ${described(request, request.gpus)} (${request.process}) would wait for ever in ${where}, whose nodes have " +
            "${nodes.collect { node -> described(node, node.gpus) }.unique().join(' or ')}; give --max_cpus, --max_memory, --gpus " +
            "or --gpu_request that one of these can meet, or another --queue"
    }
    return single + joint
}

// 4 processors with 6 GB and gpu:2
def described(offer, gpus) {
    return "${amount('max_cpus', offer.max_cpus)} with ${amount('max_memory', offer.max_memory)}${gpus in [null, '(null)'] ? '' : " and ${gpus}"}"
}

// 16 processors (TRAIN), 4 processors (NORM, AGGREGATE)
def listed(kind, requests) {
    return requests.groupBy { request -> request[kind] }.collect { value, found ->
        "${amount(kind, value)} (${found.collect { request -> request.process + (request.attempt > 1 ? ", attempt ${request.attempt}" : '') }.join(', ')})"
    }.join(', ')
}

def amount(kind, value) {
    return option(kind, value).replace('.', ' ') + (kind == 'max_cpus' ? ' processors' : '')
}

// As a parameter: 2, 6000.MB or 6.GB, 90.m or 2.h
def option(kind, value) {
    def units = [max_memory: [1024, 'GB', 'MB'], max_time: [60, 'h', 'm']][kind]
    if (!units) {
        return "${value}".toString()
    }
    return value % units[0] == 0 ? "${value.intdiv(units[0])}.${units[1]}" : "${value}.${units[2]}"
}
