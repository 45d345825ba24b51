// Provenance that is no task's business: the parameters as given, and what ran
def recordRun(params, code) {
    def folder = file("${params.outdir}/pipeline_info", glob: false)
    folder.mkdirs()
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
            seed: params.seed,
            code: code,
        ]
    )
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

// Where the product of the run is and what it says; after a failed task, how to go on
def sayHowItEnded(product) {
    if (workflow.success) {
        println("\n${product}")
        println(product.name == 'report.html' ? product.resolveSibling('pipeline_info/summary.txt').text : '')
    }
    else if (workflow.stats.failedCount > 0) {
        def again = workflow.commandLine.contains('-resume') ? workflow.commandLine : "${workflow.commandLine} -resume"
        println("\nWhat is done is kept. To go on from there:\n  ${again}")
    }
}
