include { entriesOf } from './parameters'

// Provenance that is no task's business: the parameters as given, and what ran
def recordRun(params, code) {
    def folder = file("${params.outdir}/pipeline_info", glob: false)
    keepRecord(folder)
    folder.resolve('params.json').text = pretty(params)
    folder.resolve('run.json').text = pretty(
        [
            healthward: workflow.manifest.version,
            commit: commitOf(projectDir),
            nextflow: workflow.nextflow.version.toString(),
            run: workflow.runName,
            started: workflow.start.toString(),
            command: workflow.commandLine,
            profile: workflow.profile,
            stub: workflow.stubRun,
            seed: params.seed,
            code: code,
        ]
    )
}

// Aside, until this run has ended well, what tells how the results of an earlier one were made
def keepRecord(folder) {
    def earlier = folder.resolve('earlier')
    if (folder.resolve('run.json').exists() && !earlier.exists()) {
        earlier.mkdirs()
        ['run.json', 'params.json'].each { name -> folder.resolve(name).renameTo(earlier.resolve(name).toString()) }
    }
}

def pretty(value) {
    return groovy.json.JsonOutput.prettyPrint(groovy.json.JsonOutput.toJson(value)) + '\n'
}

// 3f2a91c, with -dirty where the working tree differs from it; null when nothing tells
def commitOf(project) {
    if (!project.resolve('.git').exists()) {
        return workflow.commitId
    }
    try {
        return ['git', '-C', project.toString(), 'describe', '--always', '--dirty'].execute().text.trim() ?: null
    }
    catch (IOException _no_git) {
        return null
    }
}

// Where the product of the run is, what it says, and what to do next; after a failed task, how to go on
def sayHowItEnded(product, advice) {
    // A preview makes nothing
    if (workflow.preview) {
        return
    }
    if (workflow.success) {
        println("\n${product}")
        println(product.name == 'report.html' ? product.resolveSibling('pipeline_info/summary.txt').text : '')
        println(advice.join('\n'))
    }
    else if (workflow.stats.failedCount > 0 || unwritten()) {
        println(unwritten() ? "\n${unwritten()}; free some space, or write to another disk" : '')
        def again = workflow.commandLine.contains('-resume') ? workflow.commandLine : "${workflow.commandLine} -resume"
        println("What is done is kept. To go on from there:\n  ${again}")
    }
}

// results/maps/ad0/ad0_anomaly.nii.gz: No space left on device, where that ended the run; Nextflow says it in its log only
def unwritten() {
    return "${workflow.errorMessage}".find(/FileSystemException: .* -> (.+)/) { _all, place -> place }
}

// What a user does with a model, or with a report and maps: a line each
def nextSteps(product, options, schema) {
    def folder = product.parent
    def embedding = options.embedding ? " --embedding ${options.embedding}" : ''
    def model = "--model ${options.model ?: "${folder}/model"}${embedding}"
    def classes = options.classes == entriesOf(schema).classes['default'] ? '' : " --classes ${options.classes}"
    def mapping = "Map more scans:  nextflow run ${projectDir} --input samplesheet.csv ${model}${classes} --outdir new"
    if (options.train_only) {
        return [mapping]
    }
    return [
        "Open in a browser:  ${product}",
        "Lay over the scans:  ${folder}/${options.bids ? 'bids' : 'maps'}",
        options.debug ? "See every step:  ${folder}/debug" : null,
        mapping,
    ].findAll()
}
