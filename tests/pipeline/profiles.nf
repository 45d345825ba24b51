// What `nextflow config` makes of the project with each of several joined profiles, in one start of Java

params.project = null // its folder
params.joined  = null // names of profiles: demo,cuda;test,mps
params.found   = null // the file to write

workflow {
    found = params.joined.tokenize(';').collectEntries { names ->
        def builder = new nextflow.config.ConfigBuilder().setShowClosures(true).showMissingVariables(true)
        [names, builder.setBaseDir(file(params.project)).setProfile(names).buildConfigObject()]
    }
    closures = new groovy.json.JsonGenerator.Options()
        .addConverter(nextflow.config.ConfigClosurePlaceholder) { closure -> closure.toString() }
    file(params.found).text = closures.build().toJson(found)
}
