// A run owns what it publishes. pipeline_info/published.txt names those files, so that at a good end what earlier runs
// left beside them is moved aside, and what a user has put there is not

// This run's hold on `outdir`; ends it where another run writes there
//   [folder: /data/results, before: ['maps/ad0/ad0_anomaly.nii.gz', …], lock: …]; no lock where the file system has none
def claim(outdir, read) {
    def place = outdir.resolve('pipeline_info')
    place.mkdirs()
    def hold = lockOn(place.resolve('.lock'))
    if (hold && !hold.lock) {
        error("parameter outdir: '${outdir}' is being written by another run (${place.resolve('.lock').text}); wait for its end, or give another")
    }
    if (workflow.stubRun && isReal(place.resolve('run.json'))) {
        error("parameter outdir: '${outdir}' holds results, which a stub run would replace by empty files; give another")
    }
    // Through the channel: to close the file anywhere else would give up the lock
    hold?.file?.truncate(0)?.write(java.nio.ByteBuffer.wrap("${workflow.runName} on ${hostname()}".bytes))
    return [folder: outdir, before: publishedBefore(outdir, read), lock: hold]
}

// Whether a run that was no stub run has left this record
def isReal(record) {
    return record.exists() && !new groovy.json.JsonSlurper().parse(record).stub
}

// A lock ends with the process that holds it, however that ends
def lockOn(path) {
    try {
        def create = java.nio.file.StandardOpenOption.CREATE
        def write = java.nio.file.StandardOpenOption.WRITE
        def opened = java.nio.channels.FileChannel.open(path, create, write)
        return [file: opened, lock: opened.tryLock()]
    }
    catch (IOException _no_locks) {
        return null
    }
    catch (UnsupportedOperationException _remote) {
        return null
    }
}

def hostname() {
    try {
        return java.net.InetAddress.localHost.hostName
    }
    catch (java.net.UnknownHostException _nameless) {
        return 'this machine'
    }
}

def listOf(outdir) {
    return outdir.resolve('pipeline_info/published.txt')
}

def publishedBefore(outdir, read) {
    if (!listOf(outdir).exists()) {
        // Runs of a version that kept no list are known by the names that it gave; without any run they are a user's own
        def folders = read.findAll { path -> path.isDirectory() }
        def alike = filesIn(outdir).findAll { name -> name ==~ ourNames() && !folders.any { folder -> outdir.resolve(name).startsWith(folder) } }.sort()
        if (alike && !outdir.resolve('pipeline_info/run.json').exists()) {
            error("parameter outdir: '${outdir.resolve(alike[0])}' is there, of no earlier run, and would be overwritten; move it, or give another folder")
        }
        listOf(outdir).text = lines(alike)
    }
    return listOf(outdir).readLines()
}

def ourNames() {
    return [
        /prepared\/[\w.-]+\/(?:brain\.nii\.gz|log_bias\.nii\.gz|picture\.png|preparation\.json)/,
        /maps\/([\w.-]+)\/\1_[a-z]+\.nii\.gz|viewer\/[\w.-]+\/[a-z]+\.js|debug\/[\w.-]+\/(steps|trajectory)\.png/,
        /figures\/(scans\/)?[\w.-]+\.(png|svg)/,
        /tables\/(slices|scans|regions|outlier_scans|lowest_slices|groups|comparisons|localisation|skipped|preparation|false_positives)\.csv/,
        /tuning\/(tuning\.csv|settings\.json|pareto\.(png|svg))/,
        /model\/(config\.json|(diffusion|embedding)\.safetensors|loss\.(csv|png|svg)|samples\.png)/,
        /bids\/(dataset_description\.json|participants\.tsv|\.bidsignore|group_desc-\w+\.tsv|sub-.*_desc-\w+\.(nii\.gz|json))/,
        /report\.html|split\.csv|pipeline_info\/(inputs\.csv|pseudonyms\.csv|summary\.txt|versions\.json)/,
    ].join('|')
}

// maps/ad0/ad0_anomaly.nii.gz and so on
def filesIn(folder) {
    def found = []
    def tops = ['prepared', 'maps', 'viewer', 'debug', 'figures', 'tables', 'tuning', 'model', 'bids', 'pipeline_info', 'report.html', 'split.csv']
    tops.collect { name -> folder.resolve(name) }.each { top ->
        if (top.isFile()) {
            found.add(top)
        }
        else if (top.isDirectory()) {
            top.eachFileRecurse { path -> path.isFile() ? found.add(path) : null }
        }
    }
    return found.collect { path -> folder.relativize(path).toString() }
}

// Takes down a file of a task's folder as conf/modules.config publishes it
def recordPublished(outdir, path) {
    def name = "${path}".replaceFirst(/.*\/[0-9a-f]{2}\/[0-9a-f]{30}\/((report|published)\/)?/, '')
    def folder = name in ['inputs.csv', 'versions.json', 'pseudonyms.csv', 'summary.txt'] ? 'pipeline_info/' : name == 'skipped.csv' ? 'tables/' : ''
    listOf(outdir) << "${folder}${name}\n"
}

// At a good end, moves aside what earlier runs published and this one neither published nor read; tells of what is there
// of earlier runs in any case
def settle(claimed, read, pseudonymise) {
    if (workflow.preview) {
        return
    }
    def outdir = claimed.folder
    def mine = listOf(outdir).readLines().drop(claimed.before.size()).toSet()
    def others = claimed.before.toSet().findAll { name -> !(name in mine) && outdir.resolve(name).exists() }
    def home = outdir.toRealPath()
    def inputs = read.findAll { path -> path.exists() }.collect { path -> path.toRealPath() }.findAll { path -> path.startsWith(home) }
    def stale = others.findAll { name -> !inputs.any { input -> outdir.resolve(name).toRealPath().startsWith(input) } }.sort()
    if (workflow.success) {
        def started = workflow.start.format(java.time.format.DateTimeFormatter.ofPattern('yyyy-MM-dd_HH-mm-ss'))
        def aside = outdir.resolve("superseded/${started}")
        moveAside(outdir, stale, aside)
        listOf(outdir).text = lines((mine + others - stale).sort())
        if (stale) {
            println("\n${counted(stale)} of earlier runs, which this one has not made again, moved to ${aside}")
        }
    }
    else if (stale && mine.any { name -> !name.startsWith('pipeline_info/') }) {
        println("\n${counted(stale)} in ${outdir}, such as ${stale.contains('report.html') ? 'report.html' : stale[0]}, still of earlier runs")
    }
    if (pseudonymise && workflow.success && namesIn(outdir.resolve('superseded'))) {
        println("\n${outdir.resolve('superseded')} holds results with original ids of an earlier run; delete it before you give these results away")
    }
    claimed.lock?.file?.close()
}

// Whether results were moved here that do not say of themselves that their ids are pseudonyms
def namesIn(superseded) {
    def runs = superseded.isDirectory() ? superseded.listFiles() : []
    return runs.any { run ->
        def record = run.resolve('made_by/params.json')
        !record.exists() || !new groovy.json.JsonSlurper().parse(record).pseudonymise
    }
}

def lines(names) {
    return names.collect { name -> "${name}\n" }.join()
}

def counted(names) {
    return names.size() == 1 ? '1 file' : "${names.size()} files"
}

def moveAside(outdir, names, aside) {
    names.each { name ->
        def target = aside.resolve(name)
        target.parent.mkdirs()
        java.nio.file.Files.move(outdir.resolve(name), target)
    }
    names.collect { name -> outdir.resolve(name).parent }.unique().each { folder -> removeEmpty(folder) }
    def record = outdir.resolve('pipeline_info/earlier')
    if (record.exists() && names) {
        java.nio.file.Files.move(record, aside.resolve('made_by'))
    }
    else if (record.exists()) {
        record.deleteDir()
    }
}

// `folder` and those above it, as far as nothing is left in them
def removeEmpty(folder) {
    try {
        java.nio.file.Files.delete(folder)
        removeEmpty(folder.parent)
    }
    catch (IOException _kept) {
        return
    }
}
