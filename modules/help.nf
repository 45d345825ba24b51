// The parameters of nextflow_schema.json by group: name, description, choices or range, default
def helpText(schema) {
    def groups = new groovy.json.JsonSlurper().parse(schema)['$defs'].values()
    def sections = groups.collect { group ->
        ([group.title] + group.properties.collect { name, entry -> helpLine(name, entry) }).join('\n')
    }
    return ([usage()] + sections).join('\n\n')
}

def usage() {
    return """\
        Usage: nextflow run . --input samplesheet.csv --outdir results [-profile …] [-resume]

        Examples:
          nextflow run . -profile showcase --outdir results                             simulated people, no training
          nextflow run . --input samplesheet.csv --outdir results                       train on a cohort and map it
          nextflow run . --input my_dataset --bids --outdir results                     the same of a BIDS dataset
          nextflow run . --input new.csv --model results/model --outdir new             map others by that model
          nextflow run . --scan head.nii.gz --model results/model
          nextflow run . --input samplesheet.csv -profile slurm,apptainer,cuda -resume  go on where it stopped

        A parameter has two dashes, an option of Nextflow's one. docs/usage.md says more.""".stripIndent()
}

def helpLine(name, entry) {
    def choices = entry['enum'] ? [entry['enum'].join(' | ')] : []
    def words = [minimum: 'from', exclusiveMinimum: 'above', maximum: 'to', exclusiveMaximum: 'below']
    def bounds = words.findAll { key, _word -> entry[key] != null }.collect { key, word -> "${word} ${entry[key]}" }
    def standard = entry.containsKey('default') ? ["default ${entry['default']}"] : []
    def facts = choices + (bounds ? [bounds.join(' ')] : []) + standard
    return "  --${name.padRight(22)} ${entry.description}${facts ? " [${facts.join('; ')}]" : ''}"
}
