include { codeOfTools ; effective } from '../../modules/code'

// Writes what the digests of projects, with commas between them, are made of
workflow {
    found = params.projects.tokenize(',').collect { name ->
        def project = file(name)
        def sources = files("${name}/bin/**.py")
        [digests: codeOfTools(project), sources: sources.collectEntries { path -> [path.toString(), effective(path)] }]
    }
    file(params.found).text = groovy.json.JsonOutput.toJson(found)
}
